import type { Finding, OutcomeRecord } from './outcome.js';
import type { Verdict } from './verdict.js';

/** Version of the events below; a reader refuses a record with a higher one. */
export const recordVersion = 1;

/** One scenario × one route × one machine type × one set of options. `id` spells these out and is the same in every run. */
export interface PlannedCell {
  id: string;
  scenario: string;
  /** The scenario file, relative to the folder of the run. */
  file: string;
  /** Builds in the order of the journey, as the user wrote them. */
  route: string[];
  machineType: string;
  options: Record<string, string>;
  /** Why the cell will not run; it is recorded as skipped. */
  skip?: string;
}

/** A build as the run used it. */
export interface BuildSummary {
  /** As the user wrote it: 'deb:bookworm', a path, a name. */
  name: string;
  version: string;
  /** The distribution's own version text, or ''. */
  package: string;
  /** SHA-256 of the binary, hexadecimal. */
  sha256: string;
}

/** Where a cell's time goes, in order. */
export type Phase = 'spawn' | 'greeting' | 'guest' | 'migration' | 'judging' | 'end';

/** A guest with a vCPU, as a cell used it. */
export interface GuestSummary {
  kind: 'payload' | 'linux';
  /** `warm` from a saved state of a guest that was booted before; a failure that was confirmed says `cold`. */
  start: 'cold' | 'warm';
  /** What it runs: "Linux 6.1.0-42-cloud-amd64 (deb:bookworm)", a user's kernel. */
  system?: string;
}

export interface CellResult {
  verdict: Verdict;
  /** One sentence: why the verdict is what it is. Empty when passed. */
  reason: string;
  /** Name of the known issue that matched, or that did not happen ('fixed'). */
  knownIssue?: string;
  /** What explains the failure, most telling first. */
  findings: Finding[];
  /** Every migration of the cell, in order. */
  outcomes: OutcomeRecord[];
  /** Milliseconds. */
  durationMs: number;
  phasesMs: Partial<Record<Phase, number>>;
  accel: string;
  /** Absent for a guest without a vCPU. */
  guest?: GuestSummary;
  /** Peak resident memory of the process that ran the cell, in bytes. */
  rssBytes: number;
  /** Command lines and logs, relative to the output folder. */
  folder?: string;
}

export interface RunStarted {
  event: 'run-started';
  version: number;
  at: string;
  godwit: string;
  argv: string[];
  seed: number;
  jobs: number;
  shard?: string;
  builds: BuildSummary[];
  cells: PlannedCell[];
}

export interface CellStarted {
  event: 'cell-started';
  at: string;
  cell: string;
  attempt: number;
  worker: number;
}

export interface CellFinished {
  event: 'cell-finished';
  at: string;
  cell: string;
  attempt: number;
  /** True when another attempt of the same cell follows; only the last one counts. */
  retried: boolean;
  result: CellResult;
}

export interface RunFinished {
  event: 'run-finished';
  at: string;
  exitStatus: number;
  interrupted: boolean;
  durationMs: number;
  /** Peak resident memory of the main process, in bytes. */
  peakRssBytes?: number;
}

/** One line of `record.ndjson`. */
export type RecordEvent = RunStarted | CellStarted | CellFinished | RunFinished;
