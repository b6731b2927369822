import type { Buffer } from 'node:buffer';
import { eachValue, type Field } from './fields.js';

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
  eachValue(fields, (path, { type, offset, size }) => {
    if (type === 'pci config') found ??= { path, offset, config: body.subarray(offset, offset + size) };
  });
  return found;
}
