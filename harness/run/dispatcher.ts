import type { CellResult, PlannedCell } from '../record/events.js';

/** A cell that is to run now. */
export interface Assignment {
  cell: PlannedCell;
  /** Counts from 1. */
  attempt: number;
}

/** How often a cell that is `broken` is tried again without being asked: our fault must not become a verdict. */
const brokenRetries = 1;

/** Decides what runs next and what runs again. Synchronous, and without a clock: the same calls give the same decisions. */
export class Dispatcher {
  private readonly queue: Assignment[];
  private readonly running = new Map<string, Assignment>();
  private stopped = false;

  /** @param retries how often a cell that `failed` is tried again. */
  constructor(
    cells: readonly PlannedCell[],
    private readonly retries: number,
  ) {
    this.queue = cells.map((cell) => ({ cell, attempt: 1 }));
  }

  /** The next cell to run; undefined when there is none now. */
  next(): Assignment | undefined {
    if (this.stopped) return undefined;
    const assignment = this.queue.shift();
    if (assignment) this.running.set(assignment.cell.id, assignment);
    return assignment;
  }

  /** Takes note of a result; true when the cell will run again. */
  finished(id: string, result: CellResult): boolean {
    const assignment = this.running.get(id);
    this.running.delete(id);
    if (!assignment || this.stopped) return false;
    const allowed = result.verdict === 'broken' ? Math.max(brokenRetries, this.retries) : this.retries;
    const again = (result.verdict === 'failed' || result.verdict === 'broken') && assignment.attempt <= allowed;
    if (again) this.queue.push({ cell: assignment.cell, attempt: assignment.attempt + 1 });
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
