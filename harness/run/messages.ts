import type { CompileSettings } from '../build/git/recipe.js';
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
  /** How commits were compiled, by which they are found in the cache. */
  compile: CompileSettings;
  knownIssues: boolean;
}

/** From the main process to a worker. */
export type ToWorker = { kind: 'setup'; setup: WorkerSetup } | { kind: 'run'; cell: PlannedCell; folder: string };

/** From a worker to the main process. */
export type FromWorker =
  | { kind: 'ready' }
  | { kind: 'finished'; cell: string; result: CellResult }
  /** The worker cannot run any cell. */
  | { kind: 'unusable'; reason: string };
