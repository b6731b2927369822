import { bitsOf, type Register, registerAt } from '../pci/registers.js';
import type { RegisterDifference } from '../record/outcome.js';

/** Which device two configuration spaces belong to, in the words of the record. */
export interface ComparedDevice {
  device: string;
  address: string;
}

/**
 * What differs between two configuration spaces of one device, one entry for each register, in the order of their offsets.
 * Registers are those of the source; where the lists of capabilities differ, that difference comes first and explains the rest.
 */
export function explainDifference(
  of: ComparedDevice,
  source: Uint8Array,
  destination: Uint8Array,
): RegisterDifference[] {
  const found: RegisterDifference[] = [];
  const size = Math.min(source.length, destination.length);
  for (let offset = 0; offset < size;) {
    if (source[offset] === destination[offset]) {
      offset += 1;
      continue;
    }
    const register = registerAt(source, offset) ?? byteAt(offset);
    // Wide logs and base addresses count byte by byte past what a number holds exactly.
    const covering = register.width <= 4 ? register : byteAt(offset, register.name);
    found.push(differenceIn(covering, of, { source, destination }));
    offset = covering.offset + covering.width;
  }
  return found;
}

function differenceIn(
  register: Register,
  of: ComparedDevice,
  spaces: { source: Uint8Array; destination: Uint8Array },
): RegisterDifference {
  const source = valueOf(register, spaces.source);
  const destination = valueOf(register, spaces.destination);
  const bits = register.bits.filter((field) => bitsOf(source, field) !== bitsOf(destination, field));
  return {
    device: of.device,
    address: of.address,
    offset: register.offset,
    register: register.name,
    bits: bits.map(({ name }) => name),
    source,
    destination,
  };
}

function byteAt(offset: number, name = `offset 0x${offset.toString(16)}`): Register {
  return { name, offset, width: 1, bits: [] };
}

function valueOf({ offset, width }: Register, config: Uint8Array): number {
  let value = 0;
  for (let index = width - 1; index >= 0; index -= 1) value = value * 256 + (config[offset + index] ?? 0);
  return value;
}
