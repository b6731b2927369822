import { GuestError } from '../core/errors.js';
import type { Machine } from '../machine/machine.js';
import type { PciAccess } from '../pci/access.js';
import { formatAddress, type PciAddress } from '../pci/address.js';
import type { QmpCommands } from '../qmp/schema.js';

/** One PCI function as the guest sees it. */
export interface FunctionSnapshot {
  address: PciAddress;
  /** The `-device` id; '' when it has none. */
  id: string;
  /** Configuration space; 256 or 4096 bytes. */
  config: Uint8Array;
}

/** The configuration space of every function that answers the guest, by address ("00:12.0"). */
export type ConfigSnapshot = ReadonlyMap<string, FunctionSnapshot>;

type PciBus = QmpCommands['query-pci']['return'][number];
type PciDevice = PciBus['devices'][number];

/** A function as QEMU lists it, with the bridge that leads to its bus. */
export interface ListedFunction {
  address: PciAddress;
  id: string;
  /** Undefined on a root bus. */
  bridge?: ListedFunction;
  /** The buses behind a bridge. */
  buses?: { secondary: number; subordinate: number };
  /** Its memory BARs; the address is negative where it decodes none. */
  regions: { bar: number; address: number; size: number; is64Bit: boolean }[];
}

/** What QEMU lists as a BAR and is none: the expansion ROM. */
const romRegion = 6;

/** Every function that QEMU has, at the bus numbers that the guest gave. */
export async function listFunctions(machine: Machine): Promise<ListedFunction[]> {
  const buses = await machine.qmp.execute('query-pci');
  return buses.flatMap((bus) => bus.devices.flatMap((device) => withChildren(device)));
}

/** The function of the device with a `-device` id. Throws GuestError that lists the ids there are. */
export async function findDevice(machine: Machine, id: string): Promise<ListedFunction> {
  const functions = await listFunctions(machine);
  const found = functions.find((listed) => listed.id === id);
  if (found) return found;
  const known = functions.map((listed) => listed.id).filter((known) => known !== '');
  throw new GuestError(
    `the ${machine.label} QEMU has no PCI device with the id '${id}'; it has: ${known.join(', ') || 'none'}`,
  );
}

function withChildren(device: PciDevice, bridge?: ListedFunction): ListedFunction[] {
  const address = { bus: device.bus, device: device.slot, function: device.function };
  const regions = device.regions
    .filter(({ type, bar }) => type === 'memory' && bar !== romRegion)
    .map(({ bar, address, size, mem_type_64: is64Bit = false }) => ({ bar, address, size, is64Bit }));
  const buses = device.pci_bridge?.bus;
  const listed: ListedFunction = {
    ...{ address, id: device.qdev_id, regions },
    ...(bridge && { bridge }),
    ...(buses && { buses: { secondary: buses.secondary, subordinate: buses.subordinate } }),
  };
  const behind = device.pci_bridge?.devices ?? [];
  return [listed, ...behind.flatMap((child) => withChildren(child, listed))];
}

/** Reads all of it as the guest would; a function behind a slot without power answers nobody, and is left out. */
export async function snapshotConfig(access: PciAccess, functions: readonly ListedFunction[]): Promise<ConfigSnapshot> {
  const spaces = await Promise.all(functions.map(({ address }) => access.readSpace(address)));
  const snapshot = new Map<string, FunctionSnapshot>();
  for (const [index, { address, id }] of functions.entries()) {
    const config = spaces[index];
    if (!config || (config[0] === 0xff && config[1] === 0xff)) continue;
    snapshot.set(formatAddress(address), { address, id, config });
  }
  return snapshot;
}
