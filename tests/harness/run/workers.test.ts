import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import tmp from 'tmp';
import { resolveBuild } from '../../../harness/build/resolve.js';
import { UsageError } from '../../../harness/core/errors.js';
import { quoteWord } from '../../../harness/machine/words.js';
import type { RecordEvent } from '../../../harness/record/events.js';
import { readRecord } from '../../../harness/record/read.js';
import { summarize } from '../../../harness/record/summary.js';
import { planCells, withWords } from '../../../harness/run/plan.js';
import { run, type RunOptions } from '../../../harness/run/run.js';
import { RunSession } from '../../../harness/run/session.js';
import { loadScenarios } from '../../../harness/scenario/load.js';
import { failure } from '../support/failure.js';
import { suite } from '../support/launchpad.js';
import { processesNaming } from '../scenario/stage.js';

const registry = new URL('../../../harness/scenario/registry.ts', import.meta.url).href;

/** A body that never gives the event loop back; only the cell of this one has little time. */
const stuck = 'for (;;);';

/**
 * 1. A worker whose scenario never returns to the event loop is ended after the cell's deadline and the grace, and the run goes on.
 * 2. A session goes on with cells that nobody knew of when it began.
 *    A worker that finds another binary than the run did says so, and judges nothing by it.
 * 3. Scenarios that a worker cannot load end the run; a run that was stopped before it began records all as skipped.
 */
describe('a run in workers', () => {
  let folder: tmp.DirResult;
  beforeEach(() => (folder = tmp.dirSync({ unsafeCleanup: true })));
  afterEach(() => {
    const left = processesNaming(folder.name);
    folder.removeCallback();
    expect(left).to.deep.equal([]);
  });

  /** Options for one job over cells of these bodies, on pc-q35-7.2 of trixie's QEMU. */
  async function options(bodies: Record<string, string>, events: RecordEvent[]): Promise<RunOptions> {
    const file = join(folder.name, 'some.scenario.mjs');
    const declared = Object.entries(bodies).map(
      ([title, body]) =>
        `scenario('workers: ${title}', { machines: 'pc-q35-7.2', timeoutMs: ${body === stuck ? 400 : 20_000}, async body() { ${body} } });`,
    );
    writeFileSync(file, [`import { scenario } from '${registry}';`, ...declared].join('\n'));
    const scenarios = await loadScenarios([file]);
    const builds = [await suite('trixie')];
    return {
      ...{ scenarios, builds, files: [file], output: join(folder.name, 'out'), jobs: 1, retries: 0, seed: 0 },
      ...{
        accel: 'tcg',
        guests: { cold: false },
        knownIssues: true,
        argv: [],
        graceMs: 300,
        signal: new AbortController().signal,
      },
      cells: planCells(scenarios, { sources: builds, destinations: builds, pairs: 'all' }),
      onEvent: (event) => events.push(event),
    };
  }

  const told = (events: RecordEvent[]) =>
    events.flatMap((event) =>
      event.event === 'cell-finished'
        ? `${event.cell.split(' ')[1]} ${event.result.verdict}: ${event.result.reason}`
        : [],
    );

  it('ends one that is stuck, and goes on', async () => {
    const events: RecordEvent[] = [];
    const summary = await run(await options({ stuck, fine: '' }, events));
    const broken = 'stuck broken: the worker process did not answer within 700 ms';
    expect(told(events)).to.deep.equal([broken, 'fine passed: ', broken]);
    expect(summary).to.include({ exitStatus: 3, interrupted: false });
    expect(readdirSync(join(folder.name, 'out'))).to.deep.equal(['cells', 'record.ndjson']);
  });

  it('skips everything, with the reason, when it is stopped before it begins', async () => {
    const events: RecordEvent[] = [];
    const summary = await run({ ...(await options({ one: '', two: '' }, events)), signal: AbortSignal.abort() });
    expect(told(events)).to.deep.equal(['one', 'two'].map((name) => `${name} skipped: the run was interrupted`));
    expect(summary).to.include({ exitStatus: 130, interrupted: true });
  });

  it('says why its workers cannot start', async () => {
    const good = await options({ lost: '' }, []);
    writeFileSync(good.files[0] ?? '', "throw new Error('it has changed');");
    expect((await failure(run(good))).message).to.match(
      /^a worker cannot start: .*some\.scenario\.mjs.*it has changed/,
    );
  });

  it('refuses an output folder that cannot be written, before anything starts', async () => {
    const events: RecordEvent[] = [];
    const good = await options({ unwritten: '' }, events);
    await failure(run({ ...good, output: join(good.files[0] ?? '', 'out') }), UsageError);
    expect(events).to.deep.equal([]);
  });

  it('goes on with more cells in the same workers, and counts what runs once more', async () => {
    const events: RecordEvent[] = [];
    const { cells, builds, ...rest } = await options({ first: '', second: '' }, events);
    const [one, two] = cells;
    if (!one || !two) throw new Error('two cells were planned');
    const added = withWords(one, ['-device', 'edu,id=edu0']);
    await using session = RunSession.open(rest, { builds, cells: [one] });
    const first = await session.play({ builds, cells: [one] });
    const then = await session.play({ builds, cells: [two, one, one, added] });
    const summary = session.finish();
    expect([...first, ...then].map(({ verdict }) => verdict)).to.deep.equal(Array(5).fill('passed'));
    const started = events.flatMap((event) => (event.event === 'cell-started' ? [event] : []));
    expect(started.map(({ cell, attempt }) => `${cell.split(' ')[1]} ${attempt}`)).to.deep.equal([
      'first 1',
      'second 1',
      'first 2',
      'first 3',
      'first 1',
    ]);
    const extended = events.filter((event) => event.event === 'plan-extended');
    expect(extended.map(({ cells: more, again }) => [more.map(({ id }) => id), again])).to.deep.equal([
      [
        [two.id, added.id],
        [one.id, one.id],
      ],
    ]);
    const attempts = Object.fromEntries(summary.cells.map((cell) => [cell.cell.id, cell.attempts]));
    expect(attempts).to.deep.equal({ [one.id]: 3, [two.id]: 1, [added.id]: 1 });
    expect(added.id).to.match(/, -device edu,id=edu0\]$/);
    const kept = (await summarize(readRecord(join(rest.output, 'record.ndjson')))).cells;
    expect(kept).to.deep.equal(summary.cells);
  });

  it('runs no other binary than the one that the run began with', async () => {
    const { command, env } = await suite('trixie');
    const path = join(folder.name, 'qemu-system-x86_64');
    const words = [...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...command];
    const script = `#!/bin/sh\nexec env ${words.map(quoteWord).join(' ')} "$@"\n`;
    writeFileSync(path, script, { mode: 0o700 });
    const builds = [await resolveBuild(path)];
    const events: RecordEvent[] = [];
    const { cells, ...rest } = await options({ rebuilt: '' }, events);
    const [cell] = cells.map((planned) => ({ ...planned, route: [path, path] }));
    if (!cell) throw new Error('one cell was planned');
    await using session = RunSession.open(rest);
    const [before] = await session.play({ builds, cells: [cell] });
    writeFileSync(path, `${script}# compiled again\n`);
    await using other = RunSession.open({ ...rest, output: join(folder.name, 'other') });
    const [after] = await other.play({ builds, cells: [cell] });
    expect([before?.verdict, after?.verdict]).to.deep.equal(['passed', 'broken']);
    expect(after?.reason).to.match(/qemu-system-x86_64 was changed while the run went on/);
  });
});
