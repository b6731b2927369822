import { bitsOf, type Register } from '../../pci/registers.js';
import { valueIn, wordAt } from '../../pci/register-differences.js';
import { bytesOf, eachField, type Field } from './fields.js';

/** PCI configuration space within the state of a device. */
export interface ConfigSpace {
  /** Names of the fields that lead to it. */
  path: readonly string[];
  /** In the section's body, in bytes. */
  offset: number;
  config: Buffer;
}

/** The configuration space that a device sends, 256 or 4096 bytes; undefined for what is no PCI device. */
export function configSpaceOf(fields: readonly Field[], body: Buffer): ConfigSpace | undefined {
  let found: ConfigSpace | undefined;
  eachField(fields, (path, field) => {
    if (field.type === 'pci config') found ??= { path, offset: field.offset, config: bytesOf(field, body) };
  });
  return found;
}

/** A register with its value, in words. */
export interface RegisterValue {
  offset: number;
  name: string;
  /** As many hexadecimal digits as the register has. */
  value: string;
  /** The bits that are set, by name; fields of several bits with their value. */
  bits: string[];
}

/** Every register of a configuration space that is not 0, in the order of the offsets. */
export function registerValues(config: Uint8Array): RegisterValue[] {
  const found: RegisterValue[] = [];
  for (let offset = 0; offset < config.length; offset += 1) {
    if (config[offset] === 0) continue;
    const register = wordAt(config, offset);
    const value = valueIn(config, register);
    const digits = value.toString(16).padStart(2 * register.width, '0');
    found.push({
      offset: register.offset,
      name: register.name,
      value: `0x${digits}`,
      bits: bitsInWords(register, value),
    });
    offset = register.offset + register.width - 1;
  }
  return found;
}

function bitsInWords(register: Register, value: number): string[] {
  return register.bits.flatMap((field) => {
    const bits = bitsOf(value, field);
    if (bits === 0) return [];
    if (field.width === 1) return [field.name];
    return [`${field.name} ${field.meaning?.(bits) ?? bits}`];
  });
}
