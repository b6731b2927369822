import { hex } from '../core/hex.js';
import { capabilityIds } from '../pci/capability-ids.js';
import { registerAt, spaceWithCapability } from '../pci/registers.js';
import type { ErrorLine } from './error-lines.js';
import type { Taught } from './messages/template.js';

/** Capability IDs by the names that libvfio-user gives them (lib/pci_caps.c). */
const idsByName: Readonly<Record<string, number>> = {
  'Power Management': capabilityIds.powerManagement,
  PM: capabilityIds.powerManagement,
  'Vendor-Specific': capabilityIds.vendorSpecific,
  'PCI Express': capabilityIds.express,
  'MSI-X': capabilityIds.msix,
};

/** Says which registers an access reaches that a vfio-user server refused; the capability is the one that the server itself announced. */
export function explainRefusedAccess(
  line: Taught,
  lines: readonly ErrorLine[],
): { summary: string; fields: Record<string, string | number> } {
  const first = offsetOf(line.values['first']);
  const last = offsetOf(line.values['last']);
  const capability = announcedAt(lines, first);
  const count = last - first + 1;
  const fields = {
    ...line.values,
    ...(capability && { capability: `${capability.name} at ${hex(capability.offset)}` }),
  };
  const space = capability && spaceWithCapability(capability.id, capability.offset);
  if (!space) return { summary: line.meaning, fields };
  const bytes = Array.from({ length: count }, (_, index) => first + index);
  const reached = bytes.flatMap((offset) => {
    const register = registerAt(space, offset);
    if (!register) return [];
    const byte = offset - register.offset;
    const bits = register.bits.filter(({ shift, width }) => shift < 8 * (byte + 1) && shift + width > 8 * byte);
    const words = `${hex(offset)} is byte ${byte} of ${register.name}`;
    return [{ register: register.name, bits: bits.map(({ name }) => name), words }];
  });
  const bits = new Set(reached.flatMap((one) => one.bits));
  return {
    summary: `The vfio-user server refuses to ${String(line.values['access'])} ${count} bytes at ${hex(first)}: ${reached.map(({ words }) => words).join(', ')}`,
    fields: {
      ...fields,
      register: [...new Set(reached.map(({ register }) => register))].join(', '),
      ...(bits.size > 0 && { bits: [...bits].join(', ') }),
    },
  };
}

function offsetOf(value: string | number | undefined): number {
  return Number.parseInt(String(value), 16);
}

function announcedAt(
  lines: readonly ErrorLine[],
  offset: number,
): { id: number; name: string; offset: number } | undefined {
  for (const line of lines) {
    if (line.kind !== 'vfio-user-note' || line.values['size'] === undefined) continue;
    const name = String(line.values['capability']);
    const start = offsetOf(line.values['offset']);
    const id = idsByName[name];
    if (id !== undefined && offset >= start && offset < start + offsetOf(line.values['size']))
      return { id, name, offset: start };
  }
  return undefined;
}
