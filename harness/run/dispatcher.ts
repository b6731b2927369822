import type { CellResult, PlannedCell } from '../record/events.js';

/** A cell that is to run now. */
export interface Assignment {
  cell: PlannedCell;
  /** The place among the cells that were given out, from 0: a cell may be among them more than once. */
  place: number;
  /** Which try at this place it is; counts from 1. */
  attempt: number;
}

/** How often a cell that is `broken` is tried again without being asked: our fault must not become a verdict. */
const brokenRetries = 1;

/** Decides what runs next and what runs again. Synchronous, and without a clock: the same calls give the same decisions. */
export class Dispatcher {
  private readonly queue: Assignment[];
  private stopped = false;

  /** @param retries how often a cell that `failed` is tried again. */
  constructor(
    cells: readonly PlannedCell[],
    private readonly retries: number,
  ) {
    this.queue = cells.map((cell, place) => ({ cell, place, attempt: 1 }));
  }

  /** The next cell to run; undefined when there is none now. */
  next(): Assignment | undefined {
    return this.stopped ? undefined : this.queue.shift();
  }

  /** Takes note of a result; true when the cell will run again. */
  finished({ cell, place, attempt }: Assignment, { verdict }: Pick<CellResult, 'verdict'>): boolean {
    if (this.stopped) return false;
    const allowed = verdict === 'broken' ? Math.max(brokenRetries, this.retries) : this.retries;
    const again = (verdict === 'failed' || verdict === 'broken') && attempt <= allowed;
    if (again) this.queue.push({ cell, place, attempt: attempt + 1 });
    return again;
  }

  /** Starts nothing more. */
  stop(): void {
    this.stopped = true;
  }

  /** Cells that wait for a worker. */
  get waiting(): number {
    return this.stopped ? 0 : this.queue.length;
  }
}
