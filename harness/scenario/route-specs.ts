import { join } from 'node:path';
import type { Build } from '../build/build.js';
import type { Deadline } from '../core/deadline.js';
import { StateError } from '../core/errors.js';
import type { MachineSpec } from '../machine/command-line.js';
import { overlayDisk } from '../machine/disk-overlay.js';
import { usualMemoryMiB } from '../machine/family.js';
import type { Variation } from '../record/events.js';
import type { VfioUserServer } from '../vfio/server/server.js';
import { commandWords } from './command-words.js';
import type { CellShape, Scenario } from './definition.js';
import { CellServers } from './device-servers.js';
import { makeDisks } from './disks.js';
import type { GuestTier } from './guests.js';
import { tracedEvents } from './load-order.js';
import { SideDevices } from './side-devices.js';
import { CellStandIn } from './stand-in.js';

/** What decides what the QEMUs of a cell are. */
export interface RouteOptions {
  scenario: Scenario;
  cell: CellShape;
  variation?: Variation;
  accel: string;
  /** How a guest with a vCPU is brought up, where there is one. */
  tier: GuestTier | undefined;
  /** Private folder, in which disks and sockets of servers are made. */
  folder: string;
  logFolder: string;
  deadline: Deadline;
}

/** What every QEMU of a cell's route is to be, with the disks and servers that it takes. Disposing it stops the servers. */
export class RouteSpecs implements AsyncDisposable {
  private constructor(
    private readonly options: RouteOptions,
    /** Words of every command line of the cell, whatever devices it has: what the guest is brought up from, and its disks. */
    private readonly standing: readonly string[],
    private readonly own: { devices: SideDevices; servers: readonly CellServers[] },
  ) {}

  /** Makes what the command lines name. Throws what making it throws. */
  static async of(options: RouteOptions): Promise<RouteSpecs> {
    const { scenario, cell, tier, folder, deadline } = options;
    const disks = [...(await userDisk(options)), ...makeDisks(scenario.disks ?? {}, folder)];
    const standIns = await CellStandIn.of(scenario, cell, deadline);
    const served = scenario.vfioUser?.(cell);
    const each = served && cell.route.map((_, hop) => (hop === 0 ? served.source : served.destination));
    const servers = each ? [await CellServers.listen(each, folder)] : [];
    const devices = new SideDevices([...standIns, ...servers]);
    return new RouteSpecs(options, [...(tier?.words ?? []), ...disks], { devices, servers });
  }

  /** Of the scenario's vfio-user device, in the order of the route. */
  get servers(): readonly VfioUserServer[] {
    return this.own.servers.flatMap(({ all }) => all);
  }

  /** Whether nothing outside a QEMU of the route is part of its machine, so that a saved guest is all that it takes. */
  get isWhole(): boolean {
    return !this.own.devices.some;
  }

  /** The words with which the guest begins its way. */
  get words(): readonly string[] {
    return this.wordsOf(this.options.variation?.words, this.options.scenario.devices);
  }

  /** What the QEMU at that place of the route is to be, when the guest has what these words say. Throws StateError beyond the route's end. */
  at(hop: number, words: readonly string[]): MachineSpec {
    const { scenario, cell, variation, tier, accel } = this.options;
    const build = buildAt(cell, hop);
    const other = hop > 0 ? scenario.destination?.(cell) : undefined;
    const { memoryMiB = usualMemoryMiB(cell.machineType), serials = 0 } = tier ?? {};
    const trace = tracedEvents(scenario);
    const given = other?.devices === undefined ? words : this.wordsOf(variation?.destinationWords, other.devices);
    return {
      build,
      machineType: other?.machineType ?? cell.machineType,
      accel,
      memoryMiB: other?.memoryMiB ?? scenario.memoryMiB ?? memoryMiB,
      ...this.own.devices.on(hop, { build, words: given }),
      incoming: hop > 0,
      ...(trace && { trace }),
      ...(serials > 0 && { serials }),
    };
  }

  /** What of a QEMU's words the next one takes over. */
  carried(words: readonly string[]): readonly string[] {
    return this.own.devices.without(words);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const servers of this.own.servers) await servers[Symbol.asyncDispose]();
  }

  /** The words of a command line: those of the search, where there is one that gives them, else those of the scenario. */
  private wordsOf(varied: readonly string[] | undefined, devices: Scenario['devices']): string[] {
    const { cell, variation } = this.options;
    return [...this.standing, ...(varied ?? commandWords(devices, cell)), ...(variation?.added ?? [])];
  }
}

/** The build at that place of a route. Throws StateError where there is none. */
export function buildAt({ route }: Pick<CellShape, 'route'>, hop: number): Build {
  const build = route[hop];
  if (build) return build;
  throw new StateError(`the route has no hop ${hop}`);
}

/** Words that attach a user's disk, as an overlay that goes with the cell. */
async function userDisk({ cell, tier, folder, logFolder, deadline }: RouteOptions): Promise<string[]> {
  if (tier?.disk === undefined) return [];
  const path = join(folder, 'system.qcow2');
  await overlayDisk(buildAt(cell, 0), { disk: tier.disk, path, folder, logFolder, deadline });
  return ['-drive', `if=virtio,format=qcow2,file=${path.replaceAll(',', ',,')}`];
}
