import { hex } from '../core/hex.js';
import { explainDifference } from '../diagnosis/differences.js';
import type { ConfigSnapshot, FunctionSnapshot } from '../guest/config-snapshot.js';
import type { Finding, RegisterDifference } from '../record/outcome.js';

/** What the guest sees in configuration space after a migration and did not see before; empty when nothing changed. */
export function compareConfigSpace(before: ConfigSnapshot, after: ConfigSnapshot): RegisterDifference[] {
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

/** A difference as a finding, for reports that list what explains a failure. */
export function findingOfDifference(difference: RegisterDifference): Finding {
  const { device, address, register, bits, offset, source, destination } = difference;
  const where = device === '' ? address : `${device} (${address})`;
  const which = bits.length === 0 ? '' : ` (${bits.join(', ')})`;
  return {
    kind: 'config-difference',
    side: 'destination',
    summary: `${register}${which} of ${where}, offset ${hex(offset)}, was ${hex(source)} on the source and is ${hex(destination)} on the destination`,
    fields: { offset, source, destination },
    ...(device !== '' && { device }),
  };
}
