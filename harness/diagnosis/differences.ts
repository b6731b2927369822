import { differingRegisters } from '../pci/register-differences.js';
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
  return differingRegisters(source, destination).map(({ name, ...register }) => ({
    ...of,
    register: name,
    ...register,
  }));
}
