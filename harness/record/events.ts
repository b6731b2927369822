import type { Finding, OutcomeRecord } from './outcome.js';
import type { Verdict } from './verdict.js';

/** Version of the events below; a reader refuses a record with a higher one. */
export const recordVersion = 2;

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
  /** What a search changed in it; absent for a cell as its scenario says. */
  variation?: Variation;
  /** Why the cell will not run; it is recorded as skipped. */
  skip?: string;
}

/** What makes a cell another than its scenario says: a search changes it from step to step. */
export interface Variation {
  /** What it is, in the words of the cell's id: "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=on". */
  label: string;
  /** Words added to every command line of the cell. */
  added?: string[];
  /** Words of every command line in place of the scenario's own. */
  words?: string[];
  /** Words of the destinations, where the scenario tells the two sides apart. */
  destinationWords?: string[];
  /** Actions of the body that are left out, by their places in the order in which it asks for them, from 0. */
  omitted?: number[];
  /** Keeps a copy of the streams of its migrations, unless the scenario has a relay of its own. */
  capture?: boolean;
}

/** One thing that a scenario's body asked for. */
export interface GuestAction {
  /** Whom it asked: 'guest', 'machine.qmp', or what an earlier action gave. */
  on: string;
  method: string;
  /** As JSON has them. */
  args: unknown[];
  /** The name of what it gave, where that is something that can be asked for more: 'slot1'. */
  gives?: string;
  /** True when the cell left it out. */
  omitted?: boolean;
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
  kind: 'payload' | 'rtas' | 'slof' | 'linux';
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
  /** What the body asked for, migrations included, in order; only of cells that have a variation. */
  actions?: GuestAction[];
  /** Milliseconds. */
  durationMs: number;
  phasesMs: Partial<Record<Phase, number>>;
  accel: string;
  /** Absent for a guest without a vCPU. */
  guest?: GuestSummary;
  /** What has to be known of the cell whatever its verdict: how it is not as it is in real life. */
  remarks?: string[];
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

/** A search goes on: what it runs next depends on what it has seen. */
export interface PlanExtended {
  event: 'plan-extended';
  at: string;
  /** Builds that come up for the first time. */
  builds: BuildSummary[];
  /** Cells that come up for the first time. */
  cells: PlannedCell[];
  /** Ids of cells that run once more. */
  again: string[];
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
export type RecordEvent = RunStarted | PlanExtended | CellStarted | CellFinished | RunFinished;
