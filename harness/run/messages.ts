import type { LocatedBuild } from '../build/build.js';
import type { CellResult, PlannedCell } from '../record/events.js';
import type { GuestSettings } from '../scenario/guests.js';

/** What a worker must know before its first cell. */
export interface WorkerSetup {
  /** Scenario files, as the main process found them. */
  files: string[];
  /** The run's output folder, absolute. */
  output: string;
  /** The run's private folder for sockets. */
  temporaryFolder: string;
  /** `--accel`: 'auto', 'tcg', 'kvm'. */
  accel: string;
  guests: GuestSettings;
  knownIssues: boolean;
}

/** A build as the run has found it: whatever its name comes to mean meanwhile, this one is meant. */
export interface FoundBuild extends LocatedBuild {
  sha256: string;
}

/** A cell to run, and what it takes. */
export interface CellOrder {
  cell: PlannedCell;
  /** Every build that its route names. */
  builds: readonly FoundBuild[];
  /** For its command lines and logs, relative to the output folder. */
  folder: string;
}

/** From the main process to a worker. */
export type ToWorker = { kind: 'setup'; setup: WorkerSetup } | { kind: 'run'; order: CellOrder };

/** From a worker to the main process. */
export type FromWorker =
  | { kind: 'ready' }
  | { kind: 'finished'; cell: string; result: CellResult }
  /** The worker cannot run any cell. */
  | { kind: 'unusable'; reason: string };
