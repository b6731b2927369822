import { findCapability } from '../../pci/registers.js';
import type { QtestClient } from '../../qtest/client.js';
import { memoryBase } from '../../pci/base-address.js';
import type { Reading } from './part.js';

const msixCapability = 0x11;
const messageControl = 2;
const tableOffset = 4;
const pendingOffset = 8;
const entryBytes = 16;
const fields = ['Message Address', 'Message Upper Address', 'Message Data', 'Vector Control'];

/**
 * The MSI-X table of a function and its pending bits; empty where it has none, or decodes no address for them.
 * Source: PCI Express Base Specification 5.0, 7.7.2; reading changes nothing (QEMU hw/pci/msix.c).
 */
export async function readMsix(qtest: QtestClient, config: Uint8Array): Promise<Reading[]> {
  const capability = findCapability(config, msixCapability);
  if (!capability) return [];
  const view = new DataView(config.buffer, config.byteOffset + capability.offset);
  const entries = (view.getUint16(messageControl, true) & 0x7ff) + 1;
  const [table, pending] = await Promise.all([
    read(qtest, config, { at: view.getUint32(tableOffset, true), bytes: entries * entryBytes }),
    read(qtest, config, { at: view.getUint32(pendingOffset, true), bytes: Math.ceil(entries / 64) * 8 }),
  ]);
  const words = (block: Buffer, nameOf: (index: number) => string): Reading[] =>
    Array.from({ length: block.length / 4 }, (_, index) => ({
      name: nameOf(index),
      offset: index * 4,
      value: block.readUInt32LE(index * 4),
    }));
  return [
    ...words(table, (index) => `MSI-X ${fields[index % 4]} of entry ${index >> 2}`),
    ...words(pending, (index) => `MSI-X Pending Bits ${index * 32} to ${index * 32 + 31}`),
  ];
}

/** @param place.at offset with the number of the BAR in its lowest three bits. */
async function read(qtest: QtestClient, config: Uint8Array, place: { at: number; bytes: number }): Promise<Buffer> {
  const base = memoryBase(config, place.at & 0x7);
  return base === undefined ? Buffer.alloc(0) : qtest.readBlock(base + ((place.at & ~0x7) >>> 0), place.bytes);
}
