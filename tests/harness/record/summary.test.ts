import { expect } from 'chai';
import type { CellResult, PlannedCell, RecordEvent } from '../../../harness/record/events.js';
import { summarize } from '../../../harness/record/summary.js';
import type { Verdict } from '../../../harness/record/verdict.js';
import { at, finished, planned, result, started } from './run.js';

async function verdictOf(cell: PlannedCell, ...attempts: Partial<CellResult>[]): Promise<[Verdict, string]> {
  const events: RecordEvent[] = attempts.map((given, index) => {
    return finished(cell.id, result(given), { attempt: index + 1, retried: index + 1 < attempts.length });
  });
  const [summary] = (await summarize([started([cell]), ...events])).cells;
  if (!summary) throw new Error('the cell is not in the summary');
  return [summary.verdict, summary.reason];
}

// 1. The last attempt counts.  2. Failed and passed is flaky, and keeps the evidence.  3. What never finished is broken.
// 4. Skips of the plan and cells outside the plan are kept.  5. The exit status comes from the record, or else from the cells.
describe('record/summary', () => {
  const cell = planned('a');

  it('judges a cell by its last attempt', async () => {
    expect(await verdictOf(cell, {})).to.deep.equal(['passed', '']);
    expect(await verdictOf(cell, { verdict: 'broken', reason: 'no memory' }, {})).to.deep.equal(['passed', '']);
    expect(await verdictOf(cell, {}, { verdict: 'broken', reason: 'no memory' })).to.deep.equal([
      'broken',
      'no memory',
    ]);
    expect(await verdictOf(cell, { verdict: 'failed' }, { verdict: 'failed', reason: 'again' })).to.deep.equal([
      'failed',
      'again',
    ]);
  });

  it('calls a cell flaky that failed and passed, and keeps what it failed with', async () => {
    const why = 'failed in one of 2 attempts: lost';
    expect(await verdictOf(cell, { verdict: 'failed', reason: 'lost' }, {})).to.deep.equal(['flaky', why]);
    const events = [
      started([cell]),
      finished('a', result({ verdict: 'failed', folder: 'cells/a' })),
      finished('a', result()),
    ];
    const [summary] = (await summarize(events)).cells;
    expect(summary).to.include({ attempts: 2, durationMs: 20 });
    expect(summary?.result?.folder).to.equal('cells/a');
  });

  it('calls broken what was planned and never finished', async () => {
    const begun: RecordEvent = { event: 'cell-started', at: at(700), cell: 'a', attempt: 1, worker: 0 };
    const run = await summarize([started([cell, planned('b')]), begun]);
    expect(run.cells.map(({ verdict, reason }) => [verdict, reason])).to.deep.equal([
      ['broken', 'never finished: it was started and no result came'],
      ['broken', 'never finished: it was never started'],
    ]);
    expect(run).to.include({ finished: false, exitStatus: 3, durationMs: 700 });
  });

  it('keeps skips of the plan and cells that nobody planned', async () => {
    const run = await summarize([started([{ ...cell, skip: 'no such machine type' }]), finished('stranger', result())]);
    expect(run.cells.map(({ cell: { id }, verdict }) => [id, verdict])).to.deep.equal([
      ['a', 'skipped'],
      ['stranger', 'passed'],
    ]);
    expect(run.counts).to.include({ passed: 1, skipped: 1 });
    expect(run.exitStatus).to.equal(0);
  });

  it('takes the exit status of the record, and judges where there is none', async () => {
    const failed = finished('a', result({ verdict: 'failed' }));
    expect(await summarize([started([cell]), failed])).to.include({ exitStatus: 1, finished: false });
    const end: RecordEvent = { event: 'run-finished', at: at(9), exitStatus: 130, interrupted: true, durationMs: 8 };
    const run = await summarize([started([cell]), failed, end]);
    expect(run).to.include({ exitStatus: 130, interrupted: true, finished: true, durationMs: 8 });
  });
});
