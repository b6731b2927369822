import type { CellShape, Options } from 'godwit';
import { backendOf, deviceIn, everyDevice } from '../devices.js';

/** Where a PCI device can be hot-plugged: QEMU refuses to take a bridge itself out again. */
const places: Readonly<Record<string, { words: readonly string[]; place: string }>> = {
  'root bus': { words: [], place: 'bus=pci.0,addr=0x5' },
  'pci-bridge': {
    words: ['-device', 'pci-bridge,id=bridge0,bus=pci.0,addr=0x3,chassis_nr=1'],
    place: 'bus=bridge0,addr=0x2',
  },
};

/** Every device of the catalogue on the root bus, and one behind a bridge, where connectors differ in their numbers alone. */
export const everyDeviceSomewhere = {
  options: { device: everyDevice, behind: Object.keys(places) },
  only: ({ options }: Pick<CellShape, 'options'>): boolean =>
    options['behind'] === 'root bus' || options['device'] === 'e1000e',
};

/** The `-device` value of a cell's device, in its place. */
export function deviceOf(options: Options): string {
  return deviceIn(options, find(options).place);
}

/** What a cell's device needs around and behind it. */
export function emptySlot({ options }: Pick<CellShape, 'options'>): string[] {
  return [...backendOf(options), ...find(options).words];
}

/** The same with the cell's device in it. */
export function filledSlot(cell: Pick<CellShape, 'options'>): string[] {
  return [...emptySlot(cell), '-device', deviceOf(cell.options)];
}

function find({ behind = '' }: Options): (typeof places)[string] {
  const found = places[behind];
  if (!found) throw new Error(`pseries has no place '${behind}' for a device`);
  return found;
}
