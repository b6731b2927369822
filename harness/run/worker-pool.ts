import { BuildError } from '../core/errors.js';
import type { SweptFolder } from '../machine/private-folder.js';
import type { WorkerSetup } from './messages.js';
import { WorkerProcess } from './worker-process.js';

/** The worker processes of a run: those that wait for a cell are used before new ones are started. Disposing it ends all of them. */
export class WorkerPool implements AsyncDisposable {
  private readonly workers = new Set<WorkerProcess>();
  private readonly idle: WorkerProcess[] = [];

  constructor(
    private readonly setup: WorkerSetup,
    private readonly folder: SweptFolder,
  ) {}

  /** A worker that is ready, for the lane of that number; undefined when it was ended before it was. Throws BuildError when it cannot start. */
  async take(number: number): Promise<WorkerProcess | undefined> {
    const waiting = this.idle.shift();
    if (waiting) return waiting;
    const worker = new WorkerProcess(number, this.setup, this.folder);
    this.workers.add(worker);
    const unusable = await worker.prepare();
    if (!this.workers.has(worker)) return undefined;
    if (unusable !== undefined) throw new BuildError(`a worker cannot start: ${unusable}`);
    return worker;
  }

  /** Keeps a worker for the next who takes one. */
  give(worker: WorkerProcess): void {
    this.idle.push(worker);
  }

  /** Ends a worker that cannot be used any more. */
  async drop(worker: WorkerProcess): Promise<void> {
    await worker.end();
    this.workers.delete(worker);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.workers];
    this.workers.clear();
    this.idle.length = 0;
    await Promise.all(all.map((worker) => worker.end()));
  }
}
