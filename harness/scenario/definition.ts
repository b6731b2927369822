import type { Build } from '../build/build.js';
import type { ScriptedGuest } from '../guest/scripted.js';
import type { Machine } from '../machine/machine.js';
import type { Outcome } from '../migration/outcome.js';
import type { MigrationPlan } from '../migration/plan.js';
import type { StateArea } from '../record/outcome.js';
import type { KnownIssue } from './known-issue.js';

/** One value of every option of a cell, by option name. */
export type Options = Readonly<Record<string, string>>;

/**
 * How many builds a guest travels through: 'pair' A → B, 'there-and-back' A → B → A, 'three' A → B → C over all builds
 * of the run (not all the same).
 */
export type RouteShape = 'pair' | 'there-and-back' | 'three';

/** What a cell is before anything runs: all that its command lines may depend on. */
export interface CellShape {
  readonly machineType: string;
  readonly options: Options;
  /** Builds in the order of the journey. */
  readonly route: readonly Build[];
}

/** Words of a command line in QEMU's own syntax, as text to paste or as words. */
export type CommandWords = string | readonly string[];

/** What a scenario's body is given: a guest on the first build of its route, and the way on. */
export interface Journey extends CellShape {
  /** The QEMU that the guest is on now. */
  readonly machine: Machine;
  /** The guest, wherever it is now. */
  readonly guest: ScriptedGuest;
  /**
   * Migrates the guest to the next build of the route. The destination carries the devices that the guest has at this
   * moment. After a completed migration `guest` and `machine` are the destination's. Throws StateError at the route's end.
   */
  migrate(plan?: MigrationPlan): Promise<Outcome>;
}

/** What happens, written once; it runs over every cell that its dimensions allow. */
export interface ScenarioDefinition {
  /** Machine types as globs; `--machine` narrows them. */
  machines: string | readonly string[];
  /** 'pair' where nothing is said. */
  route?: RouteShape;
  /** Dimensions of its own: every value of every option makes a cell. */
  options?: Readonly<Record<string, readonly string[]>>;
  /** Devices and backends, the same on both sides. */
  devices?: CommandWords | ((cell: CellShape) => CommandWords);
  /** What the destination is to have instead, where the two sides are to differ on purpose. */
  destination?: (cell: CellShape) => { devices?: CommandWords; machineType?: string; memoryMiB?: number };
  /** MiB of guest memory; 16 where nothing is said: enough for a guest without a kernel. */
  memoryMiB?: number;
  /** Milliseconds for the whole cell; 60 000 where nothing is said. */
  timeoutMs?: number;
  /** True when the guest changes its devices before it migrates: the destination is then started after that, with what the guest has. */
  hotplugs?: boolean;
  /** Only these hops of `--pairs`: 'same' for what depends on nothing but the machine. */
  pairs?: 'same' | 'all';
  /**
   * What is compared before and after a migration: every area of the state where nothing is said, these where some are named,
   * configuration space alone with `false`. BARs that nobody gave an address get one first, where there is something to read in them.
   * Where nothing is said, a table of MSI-X in a BAR without an address is left alone as long as MSI-X is not enabled: no guest could
   * reach it, the function cannot send by it, and reaching it would double what the oracle costs. Who names 'msi-x' has all tables compared.
   */
  oracle?: false | readonly StateArea[];
  known?: readonly KnownIssue[];
  /** False for combinations that mean nothing; they are no cells. */
  only?: (cell: CellShape) => boolean;
  /** Says why a cell cannot run on these builds; it is recorded as skipped with that reason. */
  skip?: (cell: CellShape) => string | undefined;
  body: (journey: Journey) => Promise<void>;
}

/** A definition with its name and the file it stands in. */
export interface Scenario extends ScenarioDefinition {
  title: string;
  /** As the loader was given it. */
  file: string;
}

/** Milliseconds that a cell of the scenario may take. */
export function timeoutOf({ timeoutMs = 60_000 }: Pick<ScenarioDefinition, 'timeoutMs'>): number {
  return timeoutMs;
}
