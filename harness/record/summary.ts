import type { BuildSummary, CellResult, PlannedCell, RecordEvent, RunFinished, RunStarted } from './events.js';
import { countVerdicts, exitStatusOf, type Verdict, type VerdictCounts } from './verdict.js';

/** What one cell came to over all its attempts. */
export interface CellSummary {
  cell: PlannedCell;
  verdict: Verdict;
  /** One sentence: why; empty when passed. */
  reason: string;
  /** Attempts that were finished. */
  attempts: number;
  /** Milliseconds, all attempts together. */
  durationMs: number;
  /** The attempt that explains the verdict: the last one, for a flaky cell the last that failed; absent when none was finished. */
  result?: CellResult;
}

/** A whole run, folded from its events; holds one result per cell and nothing twice. */
export interface RunSummary {
  godwit: string;
  argv: string[];
  seed: number;
  jobs: number;
  shard?: string;
  builds: BuildSummary[];
  /** ISO 8601; '' when no run-started event was seen. */
  startedAt: string;
  /** Wall time in milliseconds; up to the last event when the run did not finish. */
  durationMs: number;
  /** False when the record ends without a run-finished event. */
  finished: boolean;
  interrupted: boolean;
  exitStatus: number;
  /** In the order of the plan. */
  cells: CellSummary[];
  counts: VerdictCounts;
}

type RunEnd = Pick<RunSummary, 'durationMs' | 'interrupted' | 'exitStatus' | 'finished'>;
type RunFacts = Pick<RunSummary, 'godwit' | 'argv' | 'seed' | 'jobs' | 'shard' | 'startedAt'>;

interface CellState {
  cell: PlannedCell;
  started: number;
  attempts: number;
  durationMs: number;
  last?: CellResult;
  failed?: CellResult;
  passed: boolean;
}

/**
 * Folds events into a RunSummary as they come; `summary` may be asked for at any time and then judges every cell without a
 * finished attempt `broken`, 'never finished'. Attempts that failed and passed make a cell `flaky`, in whichever order they come.
 * A cell that was not planned is kept under its id, so that no evidence is lost.
 */
export class SummaryFold {
  private readonly cells = new Map<string, CellState>();
  private readonly builds: BuildSummary[] = [];
  private start: RunStarted | undefined;
  private finish: RunFinished | undefined;
  private lastAt = '';

  onEvent(event: RecordEvent): void {
    this.lastAt = event.at;
    if (event.event === 'run-started') {
      this.start ??= event;
      this.plan(event);
    } else if (event.event === 'plan-extended') {
      this.plan(event);
    } else if (event.event === 'cell-started') {
      this.stateOf(event.cell).started += 1;
    } else if (event.event === 'cell-finished') {
      this.count(this.stateOf(event.cell), event.result);
    } else {
      this.finish = event;
    }
  }

  summary(): RunSummary {
    const cells = [...this.cells.values()].map(judge);
    const counts = countVerdicts(cells.map(({ verdict }) => verdict));
    return { ...factsOf(this.start), builds: [...this.builds], ...this.end(exitStatusOf(counts)), cells, counts };
  }

  private plan({ builds, cells }: Pick<RunStarted, 'builds' | 'cells'>): void {
    this.builds.push(...builds);
    for (const cell of cells) this.stateOf(cell.id, cell);
  }

  private end(exitStatus: number): RunEnd {
    if (this.finish) {
      const { durationMs, interrupted } = this.finish;
      return { durationMs, interrupted, exitStatus: this.finish.exitStatus, finished: true };
    }
    const elapsedMs = this.start ? Date.parse(this.lastAt) - Date.parse(this.start.at) : 0;
    return { durationMs: Math.max(0, elapsedMs), interrupted: false, exitStatus, finished: false };
  }

  private stateOf(id: string, planned?: PlannedCell): CellState {
    const known = this.cells.get(id);
    if (known) return known;
    const cell = planned ?? { id, scenario: id, file: '', route: [], machineType: '', options: {} };
    const state: CellState = { cell, started: 0, attempts: 0, durationMs: 0, passed: false };
    this.cells.set(id, state);
    return state;
  }

  private count(state: CellState, result: CellResult): void {
    state.attempts += 1;
    state.durationMs += result.durationMs;
    state.last = result;
    if (result.verdict === 'failed') state.failed = result;
    if (result.verdict === 'passed' || result.verdict === 'fixed') state.passed = true;
  }
}

function factsOf(start: RunStarted | undefined): RunFacts {
  if (!start) return { godwit: '', argv: [], seed: 0, jobs: 0, startedAt: '' };
  const { godwit, argv, seed, jobs, shard, at } = start;
  return { godwit, argv, seed, jobs, ...(shard === undefined ? {} : { shard }), startedAt: at };
}

function judge({ cell, started, attempts, durationMs, last, failed, passed }: CellState): CellSummary {
  const about = { cell, attempts, durationMs };
  if (last === undefined) {
    if (cell.skip !== undefined) return { ...about, verdict: 'skipped', reason: cell.skip };
    const reason =
      started > 0 ? 'never finished: it was started and no result came' : 'never finished: it was never started';
    return { ...about, verdict: 'broken', reason };
  }
  if (failed && passed) {
    const reason = `failed in one of ${attempts} attempts: ${failed.reason}`;
    return { ...about, verdict: 'flaky', reason, result: failed };
  }
  return { ...about, verdict: last.verdict, reason: last.reason, result: last };
}

/** Folds all of `events`; throws what reading them throws. */
export async function summarize(events: AsyncIterable<RecordEvent> | Iterable<RecordEvent>): Promise<RunSummary> {
  const fold = new SummaryFold();
  for await (const event of events) fold.onEvent(event);
  return fold.summary();
}
