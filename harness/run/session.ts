import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Build } from '../build/build.js';
import { packageRoot } from '../core/package-root.js';
import { SweptFolder } from '../machine/private-folder.js';
import {
  type BuildSummary,
  type CellResult,
  type PlannedCell,
  type RecordEvent,
  recordVersion,
} from '../record/events.js';
import { type RunSummary, SummaryFold } from '../record/summary.js';
import { openRecord, recordFileName, type RecordWriter } from '../record/write.js';
import { type Scenario, wholeTimeoutOf } from '../scenario/definition.js';
import type { GuestSettings } from '../scenario/guests.js';
import { type Assignment, Dispatcher } from './dispatcher.js';
import type { FoundBuild } from './messages.js';
import { cellFolder, prepareOutput } from './output-folder.js';
import { brokenResult, defaultGraceMs, type WorkerProcess } from './worker-process.js';
import { WorkerPool } from './worker-pool.js';

export interface SessionOptions {
  scenarios: readonly Scenario[];
  files: string[];
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

/** What is to be run, and on what. */
export interface Plan {
  /** Every build that a route of the cells names. */
  builds: readonly Build[];
  cells: readonly PlannedCell[];
}

/**
 * A run whose cells need not all be known when it begins: a search plays some, looks, and plays more, in the same workers and into the
 * same record. Disposing it leaves no process and no temporary folder behind; `finish` closes the record in order.
 */
export class RunSession implements AsyncDisposable {
  private readonly fold = new SummaryFold();
  private readonly startedMs = performance.now();
  private readonly folder = SweptFolder.create();
  private readonly pool: WorkerPool;
  private readonly attempts = new Map<string, number>();
  private readonly known = { cells: new Set<string>(), builds: new Set<string>() };

  private constructor(
    private readonly options: SessionOptions,
    private readonly record: RecordWriter,
  ) {
    const { files, accel, guests, knownIssues, output } = options;
    const places = { output: resolve(output), temporaryFolder: this.folder.path };
    this.pool = new WorkerPool({ files, accel, guests, knownIssues, ...places }, this.folder);
  }

  /**
   * Begins the record with the cells that are known, after the events of an earlier session in the same folder, which then goes on: its
   * cells keep their folders and their count of attempts. Throws UsageError when the output folder cannot be written.
   */
  static open(
    options: SessionOptions,
    plan: Plan = { builds: [], cells: [] },
    earlier: readonly RecordEvent[] = [],
  ): RunSession {
    prepareOutput(options.output, { keepsCells: earlier.length > 0 });
    const session = new RunSession(options, openRecord(join(options.output, recordFileName)));
    if (earlier.length === 0) session.begin(plan);
    else session.goOn(earlier, plan);
    return session;
  }

  /**
   * Runs cells to their end, one result for each, in their order. A cell that is among them twice, or was played before, runs once more
   * and has one attempt more in the record. When the session is stopped, what did not come to its end is `skipped`.
   */
  async play({ builds, cells }: Plan): Promise<CellResult[]> {
    this.extend({ builds, cells });
    const batch = new Batch({ builds, cells }, this.options.retries);
    for (const [place, cell] of cells.entries())
      if (cell.skip !== undefined) batch.results[place] = this.skip(cell, cell.skip);
    const { signal, jobs } = this.options;
    const lanes = Array.from({ length: Math.min(jobs, batch.dispatcher.waiting) }, (_, n) => this.lane(n, batch));
    const stop = (): void => {
      batch.dispatcher.stop();
      void this.pool[Symbol.asyncDispose]();
    };
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    try {
      await Promise.all(lanes);
    } catch (thrown) {
      stop();
      await Promise.allSettled(lanes);
      throw thrown;
    } finally {
      signal.removeEventListener('abort', stop);
    }
    return cells.map((cell, place) => batch.results[place] ?? this.skip(cell, 'the run was interrupted'));
  }

  /** Throws the reason of the interruption when the session was stopped: what was played last may not have come to its end. */
  throwIfStopped(): void {
    this.options.signal.throwIfAborted();
  }

  /** Closes the record and sums it up. Nothing can be played after it. */
  finish(): RunSummary {
    const { aborted } = this.options.signal;
    this.emit({
      event: 'run-finished',
      at: now(),
      exitStatus: aborted ? 130 : this.fold.summary().exitStatus,
      interrupted: aborted,
      durationMs: performance.now() - this.startedMs,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
    });
    return this.fold.summary();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
    await this.record[Symbol.asyncDispose]();
  }

  private begin(plan: Plan): void {
    const { argv, seed, jobs, shard } = this.options;
    const { builds, cells } = this.newIn(plan);
    this.emit({
      ...{ event: 'run-started', version: recordVersion, at: now(), godwit: godwitVersion(), argv, seed, jobs },
      ...(shard !== undefined && { shard }),
      ...{ builds, cells },
    });
  }

  private goOn(earlier: readonly RecordEvent[], plan: Plan): void {
    for (const event of earlier) {
      if (event.event === 'run-finished') continue;
      this.emit(event);
      if (event.event === 'cell-started') this.attempts.set(event.cell, event.attempt);
      if (event.event !== 'run-started' && event.event !== 'plan-extended') continue;
      for (const { name } of event.builds) this.known.builds.add(name);
      for (const { id } of event.cells) this.known.cells.add(id);
    }
    this.extend(plan);
  }

  /** Records what is planned beyond what the record has. */
  private extend(plan: Plan): void {
    const { builds, cells } = this.newIn(plan);
    const isNew = new Set(cells.map(({ id }) => id));
    const again = plan.cells.filter(({ id }) => !isNew.delete(id) && this.attempts.has(id)).map(({ id }) => id);
    for (const { id } of plan.cells) this.attempts.set(id, this.attempts.get(id) ?? 0);
    if (builds.length + cells.length + again.length === 0) return;
    this.emit({ event: 'plan-extended', at: now(), builds, cells, again });
  }

  private newIn(plan: Plan): { builds: BuildSummary[]; cells: PlannedCell[] } {
    const builds = plan.builds.filter(({ name }) => !this.known.builds.has(name) && this.known.builds.add(name));
    const cells = plan.cells.filter(({ id }) => !this.known.cells.has(id) && this.known.cells.add(id));
    return { builds: builds.map(summaryOf), cells };
  }

  /** One worker after another, until nothing is left to run. */
  private async lane(number: number, batch: Batch): Promise<void> {
    // A cell that runs again goes back to the queue in the lane that ran it: an empty queue is the end of every other lane.
    while (batch.dispatcher.waiting > 0) {
      const worker = await this.pool.take(number);
      if (!worker) return;
      if (await this.drive(worker, batch)) this.pool.give(worker);
      else await this.pool.drop(worker);
    }
  }

  /** Gives a worker one cell after another; true when it can be given more later. */
  private async drive(worker: WorkerProcess, batch: Batch): Promise<boolean> {
    for (let next = batch.dispatcher.next(); next; next = batch.dispatcher.next()) {
      const { cell } = next;
      const attempt = (this.attempts.get(cell.id) ?? 0) + 1;
      this.attempts.set(cell.id, attempt);
      this.emit({ event: 'cell-started', at: now(), cell: cell.id, attempt, worker: worker.number });
      const order = { cell, builds: batch.buildsOf(cell), folder: cellFolder(cell.id, attempt) };
      const { result, usable } = await worker.run(order, this.timeoutOf(cell));
      if (this.options.signal.aborted && !usable) return false;
      this.finishCell({ ...next, attempt }, batch.finished(next, result), result);
      if (!usable) return false;
    }
    return true;
  }

  private finishCell({ cell, attempt }: Assignment, retried: boolean, result: CellResult): void {
    this.emit({ event: 'cell-finished', at: now(), cell: cell.id, attempt, retried, result });
  }

  private skip(cell: PlannedCell, reason: string): CellResult {
    const result: CellResult = { ...brokenResult(reason, 0), verdict: 'skipped' };
    const attempt = Math.max(1, this.attempts.get(cell.id) ?? 1);
    this.emit({ event: 'cell-finished', at: now(), cell: cell.id, attempt, retried: false, result });
    return result;
  }

  private timeoutOf(cell: PlannedCell): number {
    const scenario = this.options.scenarios.find(({ title }) => title === cell.scenario);
    return wholeTimeoutOf(scenario ?? {}) + (this.options.graceMs ?? defaultGraceMs);
  }

  private emit(event: RecordEvent): void {
    this.record.write(event);
    this.fold.onEvent(event);
    this.options.onEvent(event);
  }
}

/** Cells that are played together, and what they came to. */
class Batch {
  readonly dispatcher: Dispatcher;
  /** By place; absent while nothing final is known. */
  readonly results: (CellResult | undefined)[] = [];
  private readonly places: number[];
  private readonly builds: ReadonlyMap<string, FoundBuild>;

  constructor({ builds, cells }: Plan, retries: number) {
    this.builds = new Map(builds.map((build) => [build.name, foundOf(build)]));
    this.places = cells.flatMap(({ skip }, place) => (skip === undefined ? [place] : []));
    this.dispatcher = new Dispatcher(
      cells.filter(({ skip }) => skip === undefined),
      retries,
    );
  }

  /** What the route of a cell names, as it was found. */
  buildsOf({ route }: PlannedCell): FoundBuild[] {
    return [...new Set(route)].flatMap((name) => this.builds.get(name) ?? []);
  }

  /** Takes note of a result; true when the cell will run again. */
  finished(assignment: Assignment, result: CellResult): boolean {
    const again = this.dispatcher.finished(assignment, result);
    const place = this.places[assignment.place];
    if (!again && place !== undefined) this.results[place] = result;
    return again;
  }
}

function foundOf({ name, binary, command, env, package: text, sha256 }: Build): FoundBuild {
  return { name, binary, command, env, package: text, sha256 };
}

function summaryOf({ name, version, package: text, sha256 }: Build): BuildSummary {
  return { name, version: version.text, package: text, sha256 };
}

function now(): string {
  return new Date().toISOString();
}

function godwitVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  return version;
}
