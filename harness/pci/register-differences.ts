import { bitsOf, type Register, registerAt } from './registers.js';

/** A register whose value is not the same in two configuration spaces. */
export interface DifferingRegister {
  /** In the words of the PCI specifications; "offset 0x90" where nothing is known to be there. */
  name: string;
  /** In configuration space, in bytes. */
  offset: number;
  /** Names of the bits that differ, where the register has named bits. */
  bits: string[];
  source: number;
  destination: number;
}

/**
 * What differs between two configuration spaces of one device, one entry for each register, in the order of their offsets.
 * Registers are those of the source; where the lists of capabilities differ, that difference comes first and explains the rest.
 */
export function differingRegisters(source: Uint8Array, destination: Uint8Array): DifferingRegister[] {
  const found: DifferingRegister[] = [];
  const size = Math.min(source.length, destination.length);
  for (let offset = 0; offset < size;) {
    if (source[offset] === destination[offset]) {
      offset += 1;
      continue;
    }
    const register = wordAt(source, offset);
    found.push(differenceIn(register, source, destination));
    offset = register.offset + register.width;
  }
  return found;
}

/** The register that covers an offset, no wider than a number holds exactly: wide logs and base addresses count byte by byte. */
export function wordAt(config: Uint8Array, offset: number): Register {
  const register = registerAt(config, offset) ?? byteAt(offset);
  return register.width <= 4 ? register : byteAt(offset, register.name);
}

/** The value of a register, little-endian as all of configuration space. */
export function valueIn(config: Uint8Array, { offset, width }: Register): number {
  let value = 0;
  for (let index = width - 1; index >= 0; index -= 1) value = value * 256 + (config[offset + index] ?? 0);
  return value;
}

function differenceIn(register: Register, source: Uint8Array, destination: Uint8Array): DifferingRegister {
  const { name, offset } = register;
  const values = { source: valueIn(source, register), destination: valueIn(destination, register) };
  const bits = register.bits.filter((field) => bitsOf(values.source, field) !== bitsOf(values.destination, field));
  return { name, offset, bits: bits.map((field) => field.name), ...values };
}

function byteAt(offset: number, name = `offset 0x${offset.toString(16)}`): Register {
  return { name, offset, width: 1, bits: [] };
}
