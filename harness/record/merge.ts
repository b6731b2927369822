import { UsageError } from '../core/errors.js';
import type {
  BuildSummary,
  CellFinished,
  CellStarted,
  PlanExtended,
  PlannedCell,
  RecordEvent,
  RunFinished,
  RunStarted,
} from './events.js';
import { readRecord } from './read.js';
import { SummaryFold } from './summary.js';

/** What merging found worth saying, and how folders move. */
export interface MergeOptions {
  /** Called with one sentence for each cut line, each cell that several records hold, and each record that never finished. */
  onNote?: (note: string) => void;
  /** Says where the folder of a cell lies in the merged run; `record` is the index in `files`. Without it folders stay as they are. */
  moveFolder?: (folder: string, record: number) => string;
}

/**
 * Replays the records of shards as the one record of the whole run: one run-started with every cell, the events of each record
 * in turn, one run-finished. A cell in several records counts once, its attempts numbered through. The exit status is judged
 * from all cells (130 when a shard was interrupted); the duration is the longest shard's.
 * Throws UsageError for a file that is no record, and when no file is given.
 */
export async function* mergeRecords(
  files: readonly string[],
  options: MergeOptions = {},
): AsyncGenerator<RecordEvent, void, undefined> {
  const onNote = options.onNote ?? (() => undefined);
  const start = await mergedStart(files, onNote);
  const replay = new Replay(start, options.moveFolder ?? ((folder) => folder));
  yield start;
  for (const [index, file] of files.entries()) {
    for await (const event of readRecord(file, onNote)) {
      const merged = replay.next(event, index);
      if (merged) yield merged;
    }
    if (!replay.endRecord()) onNote(`${file} has no run-finished event: that run was killed or still goes on`);
  }
  yield replay.finish();
}

/** Renumbers the attempts of each record after those of the records before it, and judges the whole. */
class Replay {
  private readonly fold = new SummaryFold();
  private readonly attemptsBefore = new Map<string, number>();
  private attempts = new Map<string, number>();
  private finished: RunFinished | undefined;
  private startedAt = '';
  private lastAt = '';
  private durationMs = 0;
  private interrupted = false;

  constructor(
    private readonly start: RunStarted,
    private readonly moveFolder: (folder: string, record: number) => string,
  ) {
    this.fold.onEvent(start);
  }

  /** The event as it stands in the merged record; undefined for the frame of its own record. */
  next(event: RecordEvent, record: number): PlanExtended | CellStarted | CellFinished | undefined {
    this.lastAt = event.at;
    if (event.event === 'plan-extended') {
      this.fold.onEvent(event);
      return event;
    }
    if (event.event === 'run-started') {
      this.startedAt = event.at;
      return undefined;
    }
    if (event.event === 'run-finished') {
      this.finished = event;
      return undefined;
    }
    this.attempts.set(event.cell, Math.max(this.attempts.get(event.cell) ?? 0, event.attempt));
    const merged = { ...event, attempt: event.attempt + (this.attemptsBefore.get(event.cell) ?? 0) };
    if (merged.event === 'cell-finished' && merged.result.folder !== undefined) {
      merged.result = { ...merged.result, folder: this.moveFolder(merged.result.folder, record) };
    }
    this.fold.onEvent(merged);
    return merged;
  }

  /** Ends one record; says whether its run had finished. */
  endRecord(): boolean {
    for (const [cell, count] of this.attempts) {
      this.attemptsBefore.set(cell, (this.attemptsBefore.get(cell) ?? 0) + count);
    }
    const { finished } = this;
    const elapsedMs = finished?.durationMs ?? Date.parse(this.lastAt) - Date.parse(this.startedAt);
    this.durationMs = Math.max(this.durationMs, elapsedMs);
    this.interrupted ||= finished?.interrupted ?? false;
    this.attempts = new Map();
    this.finished = undefined;
    return finished !== undefined;
  }

  finish(): RunFinished {
    const { durationMs, interrupted } = this;
    const exitStatus = interrupted ? 130 : this.fold.summary().exitStatus;
    const at = new Date(Date.parse(this.start.at) + durationMs).toISOString();
    return { event: 'run-finished', at, exitStatus, interrupted, durationMs };
  }
}

async function mergedStart(files: readonly string[], onNote: (note: string) => void): Promise<RunStarted> {
  const starts: RunStarted[] = [];
  for (const file of files) starts.push(await readStart(file));
  const [first] = starts;
  if (!first) throw new UsageError('nothing to merge: expected at least one record');
  const cells = new Map<string, PlannedCell>();
  for (const [index, start] of starts.entries()) {
    for (const cell of start.cells) {
      if (cells.has(cell.id))
        onNote(`${files[index]} holds a cell that an earlier record holds too, it counts once: ${cell.id}`);
      else cells.set(cell.id, cell);
    }
  }
  const whole: RunStarted = { ...first };
  delete whole.shard;
  const at = starts.reduce((earliest, start) => (start.at < earliest ? start.at : earliest), first.at);
  const jobs = starts.reduce((sum, start) => sum + start.jobs, 0);
  return { ...whole, at, jobs, builds: mergedBuilds(starts, onNote), cells: [...cells.values()] };
}

function mergedBuilds(starts: readonly RunStarted[], onNote: (note: string) => void): BuildSummary[] {
  const builds = new Map<string, BuildSummary>();
  for (const build of starts.flatMap((start) => start.builds)) {
    const first = builds.get(build.name);
    if (!first) builds.set(build.name, build);
    else if (first.sha256 !== build.sha256) {
      onNote(`${build.name} is not one binary in all records: ${first.version} here, ${build.version} there`);
      builds.set(`${build.name} ${build.sha256}`, build);
    }
  }
  return [...builds.values()];
}

async function readStart(file: string): Promise<RunStarted> {
  for await (const event of readRecord(file)) if (event.event === 'run-started') return event;
  throw new UsageError(`${file} holds no run-started event`, { data: { file } });
}
