import type { MachineFamily } from '../../machine/family.js';
import type { Machine } from '../../machine/machine.js';
import { formatAddress, parseAddress } from '../../pci/address.js';
import type { ConfigSnapshot } from '../config-snapshot.js';
import type { FixedFacts } from './fixed-facts.js';
import { partOf, type StatePart } from './part.js';
import { readRegisters } from './read-registers.js';
import { type ChipsetMap, chipsetMaps } from './register-map.js';

/** What is asked of the machine itself. */
interface ChipsetQuestion {
  area: ChipsetMap['area'];
  family: MachineFamily;
  facts: FixedFacts;
}

/** The registers of one area that the machine has outside PCI functions, as far as its family's file knows them and the machine has them. */
export async function readChipset(
  machine: Machine,
  config: ConfigSnapshot,
  { area, family, facts }: ChipsetQuestion,
): Promise<StatePart[]> {
  const maps = chipsetMaps(family).filter((map) => map.area === area);
  const parts = maps.map(async (map) => ((await isThere(machine, map, facts)) ? readMap(machine, config, map) : []));
  return (await Promise.all(parts)).flat();
}

async function isThere(machine: Machine, { only }: ChipsetMap, facts: FixedFacts): Promise<boolean> {
  if (!only) return true;
  const { property, values, cpus } = only;
  const value = await machine.qmp.execute('qom-get', { path: '/machine', property });
  if (!values.includes(String(value))) return false;
  return cpus === undefined || (await facts.cpus).length === cpus;
}

async function readMap(machine: Machine, config: ConfigSnapshot, map: ChipsetMap): Promise<StatePart[]> {
  const base = baseOf(map, config);
  if (base === undefined) return [];
  const answer = await readRegisters(machine.qtest, map, base);
  return [partOf({ area: map.area, device: map.name, address: '' }, answer)];
}

/** Where a part of the chipset is at this moment; undefined where firmware has not switched it on. */
function baseOf({ place }: ChipsetMap, config: ConfigSnapshot): number | undefined {
  if ('at' in place) return place.at;
  const found = config.get(formatAddress(parseAddress(place.base.function)))?.config;
  if (!found || ((found[place.enabled.register] ?? 0) & place.enabled.mask) === 0) return undefined;
  const register = new DataView(found.buffer, found.byteOffset).getUint32(place.base.register, true);
  return register & place.base.mask;
}
