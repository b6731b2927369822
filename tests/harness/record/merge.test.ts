import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import tmp from 'tmp';
import type { RecordEvent } from '../../../harness/record/events.js';
import { mergeRecords, type MergeOptions } from '../../../harness/record/merge.js';
import { summarize } from '../../../harness/record/summary.js';
import { at, finished, planned, result, started } from './run.js';

const end: RecordEvent = { event: 'run-finished', at: at(90), exitStatus: 0, interrupted: false, durationMs: 90 };

// 1. Shards make one run whose counts add up.  2. A cell in two records counts once, and is said.  3. A shard that was killed shows.
// 4. Folders move as asked.  5. An interrupted shard makes an interrupted run.
describe('record/merge', () => {
  let folder: tmp.DirResult;
  beforeEach(() => void (folder = tmp.dirSync({ unsafeCleanup: true })));
  afterEach(() => folder.removeCallback());

  async function merged(shards: RecordEvent[][], options: MergeOptions = {}): Promise<RecordEvent[]> {
    const files = shards.map((events, index) => {
      const file = join(folder.name, `${index}.ndjson`);
      writeFileSync(file, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
      return file;
    });
    const events: RecordEvent[] = [];
    for await (const event of mergeRecords(files, options)) events.push(event);
    return events;
  }

  it('makes one run of its shards', async () => {
    const notes: string[] = [];
    const events = await merged(
      [
        [started([planned('a')], { shard: '1/2', at: at(5) }), finished('a', result()), end],
        [
          started([planned('b')], { shard: '2/2' }),
          finished('b', result({ verdict: 'failed' })),
          { ...end, durationMs: 70 },
        ],
      ],
      { onNote: (note) => notes.push(note) },
    );
    expect(events.map(({ event }) => event)).to.deep.equal([
      'run-started',
      'cell-finished',
      'cell-finished',
      'run-finished',
    ]);
    expect(events[0])
      .to.include({ at: at(0), jobs: 4 })
      .and.not.have.property('shard');
    expect(events.at(-1)).to.include({ exitStatus: 1, durationMs: 90, interrupted: false });
    expect(await summarize(events))
      .to.have.property('counts')
      .that.includes({ passed: 1, failed: 1, broken: 0 });
    expect(notes).to.deep.equal([]);
  });

  it('counts a cell once that two records hold, and says so', async () => {
    const notes: string[] = [];
    const shard = (verdict: 'passed' | 'failed'): RecordEvent[] => [
      started([planned('a')]),
      finished('a', result({ verdict, reason: 'lost' })),
      end,
    ];
    for (const order of [
      [shard('passed'), shard('failed')],
      [shard('failed'), shard('passed')],
    ]) {
      const events = await merged(order, { onNote: (note) => notes.push(note) });
      const run = await summarize(events);
      expect(run.cells.map(({ verdict, attempts }) => [verdict, attempts])).to.deep.equal([['flaky', 2]]);
      expect(events.flatMap((event) => (event.event === 'cell-finished' ? [event.attempt] : []))).to.deep.equal([1, 2]);
    }
    expect(notes).to.have.length(2);
    expect(notes[0]).to.match(/1\.ndjson holds a cell that an earlier record holds too, it counts once: a$/);
  });

  it('shows the cells of a shard that was killed, and says so', async () => {
    const notes: string[] = [];
    const shards = [[started([planned('a')]), finished('a', result()), end], [started([planned('b')])]];
    const events = await merged(shards, { onNote: (note) => notes.push(note) });
    expect(events.at(-1)).to.include({ exitStatus: 3 });
    expect((await summarize(events)).counts).to.include({ passed: 1, broken: 1 });
    expect(notes).to.have.length(1);
    expect(notes[0]).to.include('1.ndjson has no run-finished event');
  });

  it('moves folders as asked', async () => {
    const shards = ['a', 'b'].map((id) => [
      started([planned(id)]),
      finished(id, result({ folder: `cells/${id}` })),
      end,
    ]);
    const events = await merged(shards, { moveFolder: (name, record) => `${record}/${name}` });
    const folders = events.flatMap((event) => (event.event === 'cell-finished' ? [event.result.folder] : []));
    expect(folders).to.deep.equal(['0/cells/a', '1/cells/b']);
  });

  it('is interrupted when a shard was, and says when a build is not one', async () => {
    const notes: string[] = [];
    const build = { name: 'deb:sid', version: '11.1.3', package: '', sha256: 'aa' };
    const events = await merged(
      [
        [started([], { builds: [build] }), { ...end, interrupted: true, exitStatus: 130 }],
        [started([], { builds: [{ ...build, version: '11.1.4', sha256: 'bb' }] }), end],
      ],
      { onNote: (note) => notes.push(note) },
    );
    expect(events.at(-1)).to.include({ exitStatus: 130, interrupted: true });
    expect(notes).to.deep.equal(['deb:sid is not one binary in all records: 11.1.3 here, 11.1.4 there']);
  });

  it('refuses nothing at all', async () => {
    const thrown: unknown = await merged([]).catch((error: unknown) => error);
    expect(thrown).to.include({ code: 'usage', message: 'nothing to merge: expected at least one record' });
  });
});
