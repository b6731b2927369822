import type { Field } from './fields.js';

const entryBytes = 16;

/**
 * Lays out the table of message-signalled interrupts and its pending bits, which QEMU sends as one buffer; little-endian, as the guest sees
 * it. Source: QEMU 5.2–10.0 hw/pci/msix.c, msix_save; PCI Express Base Specification 5.0, 7.7.2.
 */
export function layOutMsix({ offset, size }: Field): Field[] {
  const entries = Math.floor((size * 8) / (entryBytes * 8 + 1));
  const found: Field[] = [];
  for (let index = 0; index < entries; index += 1) {
    const at = offset + index * entryBytes;
    const parts = [
      { name: 'Message Address', type: 'le64', offset: at, size: 8 },
      { name: 'Message Data', type: 'le32', offset: at + 8, size: 4 },
      { name: 'Vector Control', type: 'le32', offset: at + 12, size: 4 },
    ];
    found.push({ name: `vector[${index}]`, type: 'struct', offset: at, size: entryBytes, parts });
  }
  const pending = offset + entries * entryBytes;
  found.push({ name: 'Pending Bits', type: 'buffer', offset: pending, size: offset + size - pending });
  return found;
}
