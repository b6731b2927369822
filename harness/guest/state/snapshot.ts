import type { MachineFamily } from '../../machine/family.js';
import type { Machine } from '../../machine/machine.js';
import { formatAddress } from '../../pci/address.js';
import type { QtestClient } from '../../qtest/client.js';
import type { StateArea } from '../../record/outcome.js';
import type { ConfigSnapshot, FunctionSnapshot } from '../config-snapshot.js';
import { memoryBase } from '../../pci/base-address.js';
import { readChipset } from './chipset.js';
import { askFixedFacts, type FixedFacts } from './fixed-facts.js';
import { readMemory } from './memory.js';
import { readInterruptControllers, readProcessors } from './monitor.js';
import { msixBars, readMsix } from './msix.js';
import { type Answer, joinAnswers, partOf, type StatePart } from './part.js';
import { readRegisters } from './read-registers.js';
import { type DeviceMap, deviceMaps } from './register-map.js';
import { readVirtio, virtioBars } from './virtio.js';

const virtioVendor = '1af4';

/** What is asked of a machine. */
export interface StateQuestion {
  family: MachineFamily;
  areas: readonly StateArea[];
  /** Where they were asked before. */
  facts?: FixedFacts | undefined;
}

/**
 * Reads the areas of a paused machine's state, all at once, and changes nothing by it: only registers are read of which QEMU's
 * source says so (`machines/registers`). Registers behind base addresses are those that the guest has mapped.
 * @param config where it is still being read, what lies outside PCI functions is read meanwhile.
 */
export async function readState(
  machine: Machine,
  config: ConfigSnapshot | Promise<ConfigSnapshot>,
  { family, areas, facts = askFixedFacts(machine, areas) }: StateQuestion,
): Promise<StatePart[]> {
  const { qtest } = machine;
  const { cpuOffset } = family.pciMemory;
  const readers: Record<StateArea, () => Promise<StatePart[]>> = {
    'config-space': () => Promise.resolve([]),
    'device-registers': async () =>
      eachFunction(await config, 'device-registers', async (found) => [
        ...(isVirtio(found.config) ? [await readVirtio(qtest, found.config, cpuOffset)] : []),
        ...(await readMapped(qtest, found, cpuOffset)),
      ]),
    'msi-x': async () =>
      eachFunction(await config, 'msi-x', async (found) => [await readMsix(qtest, found.config, cpuOffset)]),
    chipset: async () => readChipset(machine, await config, { area: 'chipset', family, facts }),
    'interrupt-controllers': async () => {
      const told = readInterruptControllers(machine, facts);
      // Who fails first is told; the other's answer is nobody's then.
      told.catch(() => undefined);
      const read = readChipset(machine, await config, { area: 'interrupt-controllers', family, facts });
      return (await Promise.all([told, read])).flat();
    },
    cpu: () => readProcessors(machine, facts),
    memory: async () => {
      const ram = await facts.ram;
      if (!ram) return [];
      // RTAS takes its arguments from memory.
      if (family.rtas) await config;
      return [partOf({ area: 'memory', device: 'guest RAM', address: '' }, await readMemory(machine, ram))];
    },
  };
  // Memory is our own work: what it waits for is asked first, so that QEMU answers the rest meanwhile.
  const order = [...areas].sort((a, b) => Number(b === 'memory') - Number(a === 'memory'));
  return (await Promise.all(order.map((area) => readers[area]()))).flat();
}

/**
 * The memory BARs of a function in which these areas have something to read. A table of MSI-X that is not enabled counts with `tables`: 'all' only:
 * a function cannot send by it, and a driver writes its entries before it enables it.
 */
export function barsToRead(
  areas: readonly StateArea[],
  tables: 'all' | 'enabled',
): (config: Uint8Array) => ReadonlySet<number> {
  return (config) => {
    const msix = msixBars(config);
    return new Set([
      ...(areas.includes('device-registers') ? [...mapsOf(config).map(({ bar }) => bar)] : []),
      ...(areas.includes('device-registers') && isVirtio(config) ? virtioBars(config) : []),
      ...(areas.includes('msi-x') && (tables === 'all' || msix.enabled) ? msix.bars : []),
    ]);
  };
}

async function eachFunction(
  config: ConfigSnapshot,
  area: StateArea,
  read: (found: FunctionSnapshot) => Promise<Answer[]>,
): Promise<StatePart[]> {
  const parts = Array.from(config.values(), async (found): Promise<StatePart> => {
    const { id, address } = found;
    return partOf({ area, device: id, address: formatAddress(address) }, joinAnswers(await read(found)));
  });
  return (await Promise.all(parts)).filter(({ told }) => told !== '');
}

async function readMapped(qtest: QtestClient, { config }: FunctionSnapshot, cpuOffset: number): Promise<Answer[]> {
  const answers = mapsOf(config).map(async (map) => {
    const base = memoryBase(config, map.bar, cpuOffset);
    return base === undefined ? [] : [await readRegisters(qtest, map, base)];
  });
  return (await Promise.all(answers)).flat();
}

function mapsOf(config: Uint8Array): DeviceMap[] {
  return deviceMaps({ device: `${wordAt(config, 0)}:${wordAt(config, 2)}`, classCode: classOf(config) });
}

function isVirtio(config: Uint8Array): boolean {
  return wordAt(config, 0) === virtioVendor;
}

function wordAt(config: Uint8Array, offset: number): string {
  return bytesOf(config, [offset + 1, offset]);
}

function classOf(config: Uint8Array): string {
  return bytesOf(config, [0x0b, 0x0a, 0x09]);
}

function bytesOf(config: Uint8Array, offsets: readonly number[]): string {
  return offsets.map((offset) => (config[offset] ?? 0).toString(16).padStart(2, '0')).join('');
}
