import type { Build } from '../build/build.js';
import type { Machine } from '../machine/machine.js';
import type { Outcome } from '../migration/outcome.js';
import type { MigrationPlan } from '../migration/plan.js';
import type { StateArea } from '../record/outcome.js';
import type { ServedDevice } from '../vfio/server/served-device.js';
import type { VfioUserServer } from '../vfio/server/server.js';
import type { StandInDevice } from '../vfio/stand-in/device.js';
import type { GuestKind, Guests } from './guests.js';
import type { KnownIssue } from './known-issue.js';

/** One value of every option of a cell, by option name. */
export type Options = Readonly<Record<string, string>>;

/**
 * How many builds a guest travels through: 'pair' A → B, 'there-and-back' A → B → A, 'ping-pong' ten times there and back, 'three' A → B → C over
 * all builds of the run (not all the same).
 */
export type RouteShape = 'pair' | 'there-and-back' | 'ping-pong' | 'three';

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
export interface Journey<K extends GuestKind = 'scripted'> extends CellShape {
  /** The QEMU that the guest is on now. */
  readonly machine: Machine;
  /** The guest, wherever it is now. */
  readonly guest: Guests[K];
  /** The vfio-user servers of the scenario, one for each QEMU of the route, in its order; none without `vfioUser`. */
  readonly servers: readonly VfioUserServer[];
  /**
   * Migrates the guest to the next build of the route. The destination carries the devices that the guest has at this
   * moment. After a completed migration `guest` and `machine` are the destination's, and a guest that ran runs on: there it was held,
   * for as long as the oracles looked at both sides, unless the plan says otherwise. A Linux guest goes
   * at full speed unless the plan sets max-bandwidth. Throws StateError at the route's end.
   */
  migrate(plan?: MigrationPlan): Promise<Outcome>;
}

/** What happens, written once; it runs over every cell that its dimensions allow. */
export interface ScenarioDefinition<K extends GuestKind = 'scripted'> {
  /**
   * Who acts: 'scripted' where nothing is said, in milliseconds and without a vCPU; 'payload', a few hundred bytes of code that change
   * all of memory again and again; 'rtas', as many bytes that make RTAS calls on a pseries machine; 'slof', the firmware
   * of pseries machines at its prompt; 'linux', a kernel with a shell.
   */
  guest?: K;
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
  /** Raw disk images of so many MiB by the `id` of a `-drive`, empty at first, the same files on both sides: `-device virtio-blk-pci,drive=ID`. */
  disks?: Readonly<Record<string, number>>;
  /**
   * A device `vfio0` of QEMU's own vfio-pci, on the first build as `source` says and on every other as `destination` does, with a stand-in for the
   * kernel's VFIO behind it: its properties, and what the hardware shows in configuration space.
   */
  vfio?: (cell: CellShape) => { source: StandInDevice; destination: StandInDevice };
  /**
   * A device `vfio-user0` of QEMU's own vfio-user-pci (10.1 and later), with a server of its own on the first build as `source` says and on every
   * other as `destination` does. The body finds them in `servers`.
   */
  vfioUser?: (cell: CellShape) => { source: ServedDevice; destination: ServedDevice };
  /** Trace events by QEMU's names (`vfio_load_*`) that every QEMU of the cell writes down, for `machine.trace()`. */
  trace?: readonly string[];
  /**
   * True looks at the order in which the destination loads what it is sent, in its trace and, where a relay keeps a copy, in the stream: whatever is
   * loaded before something that it needs is a finding of its own.
   */
  loadOrder?: true;
  /** MiB of guest memory. Where nothing is said: 16 for a guest without a kernel, or 256 on a pseries machine; 192 for Linux. */
  memoryMiB?: number;
  /** Milliseconds for the whole cell; 60 000 where nothing is said, twice that for Linux. */
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
  // A method, so that a scenario of any guest is a Scenario.
  body(journey: Journey<K>): Promise<void>;
}

/** A definition with its name and the file it stands in. */
export interface Scenario extends ScenarioDefinition<GuestKind> {
  title: string;
  /** As the loader was given it. */
  file: string;
}

/** Milliseconds that a cell of the scenario may take. */
export function timeoutOf({ guest, timeoutMs }: Pick<Scenario, 'guest' | 'timeoutMs'>): number {
  return timeoutMs ?? (guest === 'linux' ? 120_000 : 60_000);
}

/** Milliseconds in which a cell of the scenario is over: a failure of a Linux guest is confirmed by a second run. */
export function wholeTimeoutOf(scenario: Pick<Scenario, 'guest' | 'timeoutMs'>): number {
  return timeoutOf(scenario) * (scenario.guest === 'linux' ? 2 : 1);
}
