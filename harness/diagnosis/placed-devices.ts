import { type DeviceLine, parseDeviceLine } from '../machine/device-line.js';
import { familyOf, findFamily } from '../machine/family.js';
import type { PlacedDevice } from './device-name.js';

/** Root buses by the names that command lines give them, and their number in a section's name. */
const rootBuses: Readonly<Record<string, string>> = { 'pcie.0': '00', 'pci.0': '00', pci: '00' };

const notOnPci =
  /^(?:usb-|scsi-|ide-|sd-|virtserialport|virtconsole|isa-|pc-dimm|nvdimm|hda-|nvme-ns|.*-cpu|tpm-|i2c-|smbus-)/;

/**
 * The PCI devices of a command line by their place as the stream names it ("00:12.0:00.0"). A device without `addr=` gets the slot that
 * QEMU gives it: the first free one of its bus, in the order in which QEMU makes devices – those in JSON come last (system/vl.c).
 */
export function placeDevices(words: readonly string[], machineType = 'q35'): Map<string, PlacedDevice> {
  const values = words.flatMap((word, index) => (words[index - 1] === '-device' ? [word] : []));
  const ordered = [
    ...values.filter((value) => !value.startsWith('{')),
    ...values.filter((value) => value.startsWith('{')),
  ];
  const placed = new Map<string, PlacedDevice>();
  const places = new Map<string, string>();
  const { ownSlots } = findFamily(machineType) ?? familyOf('q35');
  const used = new Set(ownSlots.map((slot) => `00:${slotText(slot)}`));
  for (const text of ordered) {
    const line = parseDeviceLine(text);
    const bus = busOf(line, places);
    if (bus === undefined || notOnPci.test(line.driver)) continue;
    const at = addressOf(line) ?? freeSlot(bus, used);
    const place = `${bus}:${at}`;
    used.add(`${bus}:${at.slice(0, 2)}`);
    if (line.id !== undefined) places.set(line.id, place);
    placed.set(place, { driver: line.driver, text, ...(line.id !== undefined && { id: line.id }) });
  }
  return placed;
}

function busOf({ bus }: DeviceLine, places: ReadonlyMap<string, string>): string | undefined {
  return bus === undefined ? '00' : (rootBuses[bus] ?? places.get(bus));
}

/** `addr=` is "SLOT" or "SLOT.FUNCTION", hexadecimal; a number in JSON is both in one (hw/core/qdev-properties-system.c). */
function addressOf({ properties }: DeviceLine): string | undefined {
  const text = properties.get('addr');
  const match = /^(?:0x)?([\da-f]{1,2})(?:\.(?:0x)?([0-7]))?$/i.exec(text ?? '');
  return match?.[1] === undefined ? undefined : `${slotText(Number.parseInt(match[1], 16))}.${match[2] ?? '0'}`;
}

function freeSlot(bus: string, used: ReadonlySet<string>): string {
  let slot = 0;
  while (used.has(`${bus}:${slotText(slot)}`) && slot < 0x1f) slot += 1;
  return `${slotText(slot)}.0`;
}

function slotText(slot: number): string {
  return slot.toString(16).padStart(2, '0');
}
