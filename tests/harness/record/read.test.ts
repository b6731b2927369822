import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import tmp from 'tmp';
import type { RecordEvent } from '../../../harness/record/events.js';
import type { OutcomeRecord } from '../../../harness/record/outcome.js';
import { readRecord } from '../../../harness/record/read.js';
import { openRecord } from '../../../harness/record/write.js';
import { finished, planned, result, started, at } from './run.js';

const events: RecordEvent[] = [
  started([planned('a · ü → 🐦')], {
    shard: '1/2',
    builds: [{ name: 'x', version: '7.2', package: '', sha256: 'ff' }],
  }),
  { event: 'cell-started', at: at(1), cell: 'a · ü → 🐦', attempt: 1, worker: 0 },
  finished('a · ü → 🐦', result({ verdict: 'known', knownIssue: 'n', reason: 'line\nfeed', folder: 'cells/a' })),
  { event: 'run-finished', at: at(20), exitStatus: 0, interrupted: false, durationMs: 20 },
];

async function all(file: string, notes: string[] = []): Promise<RecordEvent[]> {
  const read: RecordEvent[] = [];
  for await (const event of readRecord(file, (note) => notes.push(note))) read.push(event);
  return read;
}

async function refusalOf(file: string): Promise<unknown> {
  return all(file).catch((error: unknown) => error);
}

// 1. What is written is read back, and is on the disk when `write` returns.  2. A record cut anywhere in its last line gives every
// event before it, and says so.  3. Anything else that is no record is refused by file, line and expectation.
// 4. A difference without an area, as records had them once, is still one.
describe('record/read and record/write', () => {
  let folder: tmp.DirResult;
  let file: string;
  beforeEach(() => {
    folder = tmp.dirSync({ unsafeCleanup: true });
    file = join(folder.name, 'record.ndjson');
  });
  afterEach(() => folder.removeCallback());

  it('reads back what was written, one line each, at once', async () => {
    writeFileSync(file, 'an older record\n');
    await using record = openRecord(file);
    for (const [index, event] of events.entries()) {
      record.write(event);
      expect(readFileSync(file, 'utf8').split('\n')).to.have.length(index + 2);
    }
    expect(await all(file)).to.deep.equal(events);
  });

  it('reads differences of before there were areas, and those of areas', async () => {
    const register = { device: 'slot1', address: '00:05.0', offset: 0x6e, register: 'Slot Status', bits: ['PDS'] };
    const old = { ...register, source: 0, destination: 0x40 };
    const page = { area: 'memory' as const, device: 'guest RAM', address: '', offset: 0x2000, register: 'page 0x2000' };
    const side = { errorLines: [] };
    const outcome: OutcomeRecord = {
      ...{ class: 'silent-difference', from: 'x', to: 'y', source: side, destination: side, findings: [] },
      differences: [old, { ...page, bits: [], source: '0123456789abcdef', destination: 'zeroes' }],
    };
    const run = [started([planned('a')]), finished('a', result({ verdict: 'failed', outcomes: [outcome] }))];
    writeFileSync(file, run.map((event) => `${JSON.stringify(event)}\n`).join(''));
    expect(await all(file, [])).to.deep.equal(run);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"area":"memory"', '"area":"nowhere"'));
    expect(await refusalOf(file)).to.be.an('error');
  });

  it('refuses to write after its end, and where it cannot', async () => {
    const record = openRecord(file);
    await record[Symbol.asyncDispose]();
    await record[Symbol.asyncDispose]();
    expect(() => record.write(started([])))
      .to.throw('is closed')
      .with.property('code', 'state');
    expect(() => openRecord(join(file, 'below')))
      .to.throw('cannot be written')
      .with.property('code', 'usage');
  });

  it('gives every whole event of a record that a crash cut, and says so', async () => {
    const text = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    const first = text.indexOf('\n') + 1;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: first, max: text.length }), async (length) => {
        writeFileSync(file, text);
        truncateSync(file, length);
        const notes: string[] = [];
        const read = await all(file, notes);
        const whole = text.subarray(0, length).toString().split('\n').length - 1;
        const atLineEnd = text[length - 1] === 10;
        const complete = text[length] === 10 ? whole + 1 : whole;
        expect(read).to.deep.equal(events.slice(0, complete));
        expect(notes).to.deep.equal(
          atLineEnd || complete > whole
            ? []
            : [`${file} line ${whole + 1} was cut short, as by a crash, and is left out`],
        );
      }),
      { numRuns: 60 },
    );
  });

  it('refuses what is no record, naming file, line and expectation', async () => {
    const good = JSON.stringify(events[0]);
    const cases: [string, string][] = [
      ['', `${file} is empty; expected a record that begins with a run-started event`],
      ['<?xml version="1.0"?>\n', `${file} line 1 is not JSON: expected one event of a record`],
      ['{"event":"cell-started"}\n', `${file} line 1 is not the beginning of a record: expected a run-started event`],
      ['[]\n', `${file} line 1 is not the beginning of a record`],
      [
        `${good.replace('"version":1', '"version":3')}\n`,
        `${file} line 1 has version 3: expected 2 or lower; a newer Godwit wrote it`,
      ],
      [`${good}\n{"event":"new"}\n`, `${file} line 2 is not an event of a record`],
      [`${good}\n{"ev\n${good}\n`, `${file} line 2 is not JSON`],
      [`${good}\n${JSON.stringify({ ...events[2], cell: 5 })}\n`, `${file} line 2 is not an event of a record: cell: `],
    ];
    for (const [text, expected] of cases) {
      writeFileSync(file, text);
      const refusal = await refusalOf(file);
      expect(refusal, text).to.include({ code: 'usage' }).and.have.property('message').that.includes(expected);
    }
  });

  it('refuses a file that is not there or is a folder', async () => {
    expect(await refusalOf(file)).to.include({ code: 'usage' });
    expect(await refusalOf(folder.name)).to.include({ code: 'usage' });
  });

  it('takes a last event without its line feed', async () => {
    writeFileSync(file, `${JSON.stringify(events[0])}\n`);
    appendFileSync(file, JSON.stringify(events[3]));
    const notes: string[] = [];
    expect(await all(file, notes)).to.have.length(2);
    expect(notes).to.deep.equal([]);
  });
});
