import { hex } from '../core/hex.js';
import { explainDifference } from '../diagnosis/differences.js';
import type { ConfigSnapshot, FunctionSnapshot } from '../guest/config-snapshot.js';
import type { DeviceState, Reading, StatePart } from '../guest/state/part.js';
import type { Finding, RegisterDifference } from '../record/outcome.js';

/** What was read of a machine from outside, before a migration or after it. */
export interface View {
  config: ConfigSnapshot;
  /** What lies outside configuration space, as far as it was asked for. */
  parts: readonly StatePart[];
}

/** The most differences of one part that are recorded: a device that lost all of its state has lost the first registers too. */
const mostOfOnePart = 16;

/** What is not the same after a migration as it was before; empty when nothing changed. */
export function compareViews(before: View, after: View): RegisterDifference[] {
  return [...compareConfigSpace(before.config, after.config), ...compareParts(before.parts, after.parts)];
}

/** What the guest sees in configuration space after a migration and did not see before. */
function compareConfigSpace(before: ConfigSnapshot, after: ConfigSnapshot): RegisterDifference[] {
  const addresses = new Set([...before.keys(), ...after.keys()]);
  return [...addresses].flatMap((address) => compareFunction(address, before.get(address), after.get(address)));
}

function compareFunction(address: string, before?: FunctionSnapshot, after?: FunctionSnapshot): RegisterDifference[] {
  if (before && after) {
    if (Buffer.compare(before.config, after.config) === 0) return [];
    return explainDifference({ device: before.id || after.id, address }, before.config, after.config);
  }
  const ids = (seen?: FunctionSnapshot): number =>
    seen ? new DataView(seen.config.buffer, seen.config.byteOffset).getUint16(0, true) : 0xffff;
  return [
    {
      device: before?.id ?? after?.id ?? '',
      address,
      offset: 0,
      register: 'Vendor ID',
      bits: [],
      source: ids(before),
      destination: ids(after),
    },
  ];
}

function compareParts(before: readonly StatePart[], after: readonly StatePart[]): RegisterDifference[] {
  const [found, known] = [byKey(before), byKey(after)];
  const changed = [...new Set([...found.keys(), ...known.keys()])].filter(
    (key) => found.get(key)?.told !== known.get(key)?.told,
  );
  const read = (parts: ReadonlyMap<string, StatePart>): DeviceState[] =>
    changed.flatMap((key) => parts.get(key)?.read() ?? []);
  return compareDevices(read(found), read(known));
}

function byKey(parts: readonly StatePart[]): ReadonlyMap<string, StatePart> {
  return new Map(parts.map((part) => [part.key, part]));
}

function compareDevices(before: readonly DeviceState[], after: readonly DeviceState[]): RegisterDifference[] {
  const found = new Map(after.map((state) => [keyOf(state), state]));
  const known = new Set(before.map(keyOf));
  return [
    ...before.flatMap((state) => compareDevice(state, found.get(keyOf(state)))),
    ...after.filter((state) => !known.has(keyOf(state))).map((state) => presence(state, 'absent', 'present')),
  ];
}

function compareDevice(before: DeviceState, after: DeviceState | undefined): RegisterDifference[] {
  if (!after) return [presence(before, 'present', 'absent')];
  const { area, device, address } = before;
  const values = new Map(after.readings.map(({ name, value }) => [name, value]));
  const differences: RegisterDifference[] = [];
  const tell = ({ name, offset }: Reading, source: number | string, destination: number | string): void => {
    differences.push({ area, device, address, offset, register: name, bits: [], source, destination });
  };
  for (const reading of before.readings) {
    const value = values.get(reading.name);
    values.delete(reading.name);
    if (value !== undefined && value !== reading.value) tell(reading, reading.value, value);
    // A page that is not there holds zeroes; a register that only one build knows says nothing.
    if (value === undefined && area === 'memory') tell(reading, reading.value, 'zeroes');
  }
  if (area === 'memory') {
    for (const reading of after.readings) if (values.has(reading.name)) tell(reading, 'zeroes', reading.value);
  }
  return differences.slice(0, mostOfOnePart);
}

function presence({ area, device, address }: DeviceState, source: string, destination: string): RegisterDifference {
  return { area, device, address, offset: 0, register: 'all registers', bits: [], source, destination };
}

function keyOf({ area, device, address }: DeviceState): string {
  return `${area} ${address === '' ? device : address}`;
}

/** A difference as a finding, for reports that list what explains a failure. */
export function findingOfDifference(difference: RegisterDifference): Finding {
  const { area = 'config-space', device, address, register, bits, offset, source, destination } = difference;
  const which = bits.length === 0 ? '' : ` (${bits.join(', ')})`;
  const at = area === 'config-space' ? `, offset ${hex(offset)},` : '';
  return {
    kind: area === 'config-space' ? 'config-difference' : 'state-difference',
    side: 'destination',
    summary: `${register}${which} of ${placeOf(difference)}${at} was ${valueWords(source)} on the source and is ${valueWords(destination)} on the destination`,
    fields: { ...(area !== 'config-space' && { area, register }), offset, source, destination },
    ...(device !== '' && address !== '' && { device }),
  };
}

function placeOf({ device, address }: RegisterDifference): string {
  if (address === '') return device;
  return device === '' ? address : `${device} (${address})`;
}

function valueWords(value: number | string): string {
  return typeof value === 'number' ? hex(value) : value;
}
