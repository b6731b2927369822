import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Build } from '../build/build.js';
import { BuildError } from '../core/errors.js';
import { packageRoot } from '../core/package-root.js';
import { SweptFolder } from '../machine/private-folder.js';
import { type CellResult, type PlannedCell, type RecordEvent, recordVersion } from '../record/events.js';
import { type RunSummary, SummaryFold } from '../record/summary.js';
import { openRecord, recordFileName } from '../record/write.js';
import { type Scenario, wholeTimeoutOf } from '../scenario/definition.js';
import type { GuestSettings } from '../scenario/guests.js';
import { Dispatcher } from './dispatcher.js';
import { cellFolder, prepareOutput } from './output-folder.js';
import { brokenResult, defaultGraceMs, WorkerProcess } from './worker-process.js';

export interface RunOptions {
  cells: readonly PlannedCell[];
  scenarios: readonly Scenario[];
  files: string[];
  builds: readonly Build[];
  output: string;
  /** Workers at once. */
  jobs: number;
  /** How often a failed cell is tried again. */
  retries: number;
  seed: number;
  shard?: string;
  accel: string;
  guests: GuestSettings;
  knownIssues: boolean;
  /** Milliseconds beyond a cell's own deadline that its worker has to answer; half a minute unless told. */
  graceMs?: number;
  argv: string[];
  /** Every event, as it is recorded. */
  onEvent: (event: RecordEvent) => void;
  /** Stops the run: cells that run are ended, the record is closed in order. */
  signal: AbortSignal;
}

/** Runs a plan to its end, records every event, and sums it up. Leaves no process and no temporary folder behind. */
export async function run(options: RunOptions): Promise<RunSummary> {
  prepareOutput(options.output);
  await using record = openRecord(join(options.output, recordFileName));
  const fold = new SummaryFold();
  const emit = (event: RecordEvent): void => {
    record.write(event);
    fold.onEvent(event);
    options.onEvent(event);
  };
  const startedMs = performance.now();
  emit({
    event: 'run-started',
    version: recordVersion,
    at: now(),
    godwit: godwitVersion(),
    argv: options.argv,
    seed: options.seed,
    jobs: options.jobs,
    ...(options.shard !== undefined && { shard: options.shard }),
    builds: options.builds.map(({ name, version, package: text, sha256 }) => ({
      name,
      version: version.text,
      package: text,
      sha256,
    })),
    cells: [...options.cells],
  });
  using folder = SweptFolder.create();
  await new CellRun(options, emit, folder).toEnd();
  emit({
    event: 'run-finished',
    at: now(),
    exitStatus: options.signal.aborted ? 130 : fold.summary().exitStatus,
    interrupted: options.signal.aborted,
    durationMs: performance.now() - startedMs,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  });
  return fold.summary();
}

/** The cells of one run on their way through the workers. */
class CellRun {
  private readonly dispatcher: Dispatcher;
  private readonly unfinished: Map<string, PlannedCell>;
  private readonly workers = new Set<WorkerProcess>();

  constructor(
    private readonly options: RunOptions,
    private readonly emit: (event: RecordEvent) => void,
    private readonly folder: SweptFolder,
  ) {
    this.dispatcher = new Dispatcher(
      options.cells.filter(({ skip }) => skip === undefined),
      options.retries,
    );
    this.unfinished = new Map(options.cells.map((cell) => [cell.id, cell]));
  }

  async toEnd(): Promise<void> {
    for (const cell of this.options.cells) if (cell.skip !== undefined) this.skip(cell, cell.skip);
    const lanes = Array.from({ length: Math.min(this.options.jobs, this.dispatcher.waiting) }, (_, number) =>
      this.lane(number),
    );
    const stop = (): void => {
      this.dispatcher.stop();
      for (const worker of this.workers) void worker.end();
    };
    this.options.signal.addEventListener('abort', stop);
    if (this.options.signal.aborted) stop();
    try {
      await Promise.all(lanes);
    } finally {
      stop();
      await Promise.all([...this.workers].map((worker) => worker.end()));
      this.options.signal.removeEventListener('abort', stop);
    }
    const reason = this.options.signal.aborted ? 'the run was interrupted' : undefined;
    for (const cell of this.unfinished.values()) if (reason !== undefined) this.skip(cell, reason);
  }

  /** One worker after another, until nothing is left to run. */
  private async lane(number: number): Promise<void> {
    // A cell that runs again goes back to the queue in the lane that ran it: an empty queue is the end of every other lane.
    while (this.dispatcher.waiting > 0) {
      const worker = new WorkerProcess(number, this.setup(), this.folder);
      this.workers.add(worker);
      const unusable = await worker.prepare();
      if (unusable !== undefined && !this.options.signal.aborted)
        throw new BuildError(`a worker cannot start: ${unusable}`);
      await this.drive(worker);
      await worker.end();
      this.workers.delete(worker);
    }
  }

  private async drive(worker: WorkerProcess): Promise<void> {
    for (let next = this.dispatcher.next(); next; next = this.dispatcher.next()) {
      const { cell, attempt } = next;
      this.emit({ event: 'cell-started', at: now(), cell: cell.id, attempt, worker: worker.number });
      const { result, usable } = await worker.run(cell, cellFolder(cell.id, attempt), this.timeoutOf(cell));
      if (this.options.signal.aborted && !usable) return;
      this.finish(cell, attempt, result);
      if (!usable) return;
    }
  }

  private finish(cell: PlannedCell, attempt: number, result: CellResult): void {
    const retried = this.dispatcher.finished(cell.id, result);
    if (!retried) this.unfinished.delete(cell.id);
    this.emit({ event: 'cell-finished', at: now(), cell: cell.id, attempt, retried, result });
  }

  private skip(cell: PlannedCell, reason: string): void {
    const result: CellResult = { ...brokenResult(reason, 0), verdict: 'skipped' };
    this.unfinished.delete(cell.id);
    this.emit({ event: 'cell-finished', at: now(), cell: cell.id, attempt: 1, retried: false, result });
  }

  private timeoutOf(cell: PlannedCell): number {
    const scenario = this.options.scenarios.find(({ title }) => title === cell.scenario);
    return wholeTimeoutOf(scenario ?? {}) + (this.options.graceMs ?? defaultGraceMs);
  }

  private setup(): ConstructorParameters<typeof WorkerProcess>[1] {
    return {
      files: this.options.files,
      builds: this.options.builds.map(({ name }) => name),
      output: resolve(this.options.output),
      temporaryFolder: this.folder.path,
      accel: this.options.accel,
      guests: this.options.guests,
      knownIssues: this.options.knownIssues,
    };
  }
}

function now(): string {
  return new Date().toISOString();
}

function godwitVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  return version;
}
