import type { MachineFamily } from '../../machine/family.js';
import type { Machine } from '../../machine/machine.js';
import { parseAddress, formatAddress } from '../../pci/address.js';
import type { StateArea } from '../../record/outcome.js';
import type { ConfigSnapshot, FunctionSnapshot } from '../config-snapshot.js';
import { memoryBase } from '../../pci/base-address.js';
import { readMemory } from './memory.js';
import { listCpus, readInterruptControllers, readProcessors } from './monitor.js';
import { readMsix } from './msix.js';
import type { Reading, StatePart } from './part.js';
import { readRegisters, type RegisterPlace } from './read-registers.js';
import { type ChipsetMap, chipsetMaps, deviceMaps } from './register-map.js';
import { readVirtio } from './virtio.js';

const virtioVendor = '1af4';

/**
 * Reads the areas of a paused machine's state, all at once, and changes nothing by it: only registers are read of which QEMU's
 * source says so (`machines/registers`). Registers behind base addresses are those that the guest has mapped.
 */
export async function readState(
  machine: Machine,
  config: ConfigSnapshot,
  { family, areas }: { family: MachineFamily; areas: readonly StateArea[] },
): Promise<StatePart[]> {
  const { qtest } = machine;
  let listed: ReturnType<typeof listCpus> | undefined;
  const cpus = (): ReturnType<typeof listCpus> => (listed ??= listCpus(machine));
  const functions = [...config.values()];
  const readers: Record<StateArea, () => Promise<StatePart[]>> = {
    'config-space': () => Promise.resolve([]),
    'device-registers': () =>
      eachFunction(functions, 'device-registers', async (found) => [
        ...(vendorOf(found) === virtioVendor ? await readVirtio(qtest, found.config) : []),
        ...(await readMapped(machine, found)),
      ]),
    'msi-x': () => eachFunction(functions, 'msi-x', (found) => readMsix(qtest, found.config)),
    chipset: async () =>
      (await Promise.all(chipsetMaps(family.family).map((map) => readChipset(machine, config, map)))).flat(),
    'interrupt-controllers': () => readInterruptControllers(machine, cpus()),
    cpu: () => readProcessors(machine, cpus()),
    memory: async () => [{ area: 'memory', device: 'guest RAM', address: '', readings: await readMemory(machine) }],
  };
  // Memory is our own work: what it waits for is asked first, so that QEMU answers the rest meanwhile.
  const order = [...areas].sort((a, b) => Number(b === 'memory') - Number(a === 'memory'));
  return (await Promise.all(order.map((area) => readers[area]()))).flat();
}

async function eachFunction(
  functions: readonly FunctionSnapshot[],
  area: StateArea,
  read: (found: FunctionSnapshot) => Promise<Reading[]>,
): Promise<StatePart[]> {
  const parts = functions.map(async (found): Promise<StatePart> => {
    const { id, address } = found;
    return { area, device: id, address: formatAddress(address), readings: await read(found) };
  });
  return (await Promise.all(parts)).filter(({ readings }) => readings.length > 0);
}

async function readMapped(machine: Machine, { config }: FunctionSnapshot): Promise<Reading[]> {
  const maps = deviceMaps({ device: `${wordAt(config, 0)}:${wordAt(config, 2)}`, classCode: classOf(config) });
  const readings = maps.map(async (map) => {
    const base = memoryBase(config, map.bar);
    return base === undefined ? [] : readRegisters(machine.qtest, map, { space: 'memory', base });
  });
  return (await Promise.all(readings)).flat();
}

async function readChipset(machine: Machine, config: ConfigSnapshot, map: ChipsetMap): Promise<StatePart[]> {
  const place = placeOf(map, config);
  if (!place) return [];
  const readings = await readRegisters(machine.qtest, map, place);
  return [{ area: 'chipset', device: map.name, address: '', readings }];
}

/** Where a part of the chipset is at this moment; undefined where firmware has not switched it on. */
function placeOf({ place }: ChipsetMap, config: ConfigSnapshot): RegisterPlace | undefined {
  if ('at' in place) return { space: place.space, base: place.at };
  const found = config.get(formatAddress(parseAddress(place.base.function)))?.config;
  if (!found || ((found[place.enabled.register] ?? 0) & place.enabled.mask) === 0) return undefined;
  const register = new DataView(found.buffer, found.byteOffset).getUint32(place.base.register, true);
  return { space: place.space, base: register & place.base.mask };
}

function vendorOf({ config }: FunctionSnapshot): string {
  return wordAt(config, 0);
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
