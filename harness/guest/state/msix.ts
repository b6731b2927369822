import { capabilityIds } from '../../pci/capability-ids.js';
import { findCapability } from '../../pci/registers.js';
import type { QtestClient } from '../../qtest/client.js';
import { memoryBase } from '../../pci/base-address.js';
import { type Answer, joinAnswers, type Reading } from './part.js';

const messageControl = 2;
const tableOffset = 4;
const pendingOffset = 8;
const entryBytes = 16;
const fields = ['Message Address', 'Message Upper Address', 'Message Data', 'Vector Control'];

/** Where the MSI-X structures of a function are, and whether it may use them. */
interface Msix {
  entries: number;
  enabled: boolean;
  table: { bar: number; offset: number };
  pending: { bar: number; offset: number };
}

/**
 * The MSI-X table of a function and its pending bits; empty where it has none, or decodes no address for them.
 * @param cpuOffset as for `memoryBase`.
 * Source: PCI Express Base Specification 5.0, 7.7.2; reading changes nothing (QEMU hw/pci/msix.c).
 */
export async function readMsix(qtest: QtestClient, config: Uint8Array, cpuOffset = 0): Promise<Answer> {
  const found = msixOf(config);
  if (!found) return joinAnswers([]);
  const { entries, table, pending } = found;
  const answers = await Promise.all([
    readBlock(qtest, memoryBase(config, table.bar, cpuOffset), {
      ...{ offset: table.offset, bytes: entries * entryBytes },
      nameOf: (index) => `MSI-X ${fields[index % 4]} of entry ${index >> 2}`,
    }),
    readBlock(qtest, memoryBase(config, pending.bar, cpuOffset), {
      ...{ offset: pending.offset, bytes: Math.ceil(entries / 64) * 8 },
      nameOf: (index) => `MSI-X Pending Bits ${index * 32} to ${index * 32 + 31}`,
    }),
  ]);
  return joinAnswers(answers.flat());
}

/** The BARs that hold the structures, and whether the function uses them at this moment. */
export function msixBars(config: Uint8Array): { bars: number[]; enabled: boolean } {
  const found = msixOf(config);
  return found ? { bars: [found.table.bar, found.pending.bar], enabled: found.enabled } : { bars: [], enabled: false };
}

function msixOf(config: Uint8Array): Msix | undefined {
  const capability = findCapability(config, capabilityIds.msix);
  if (!capability) return undefined;
  const view = new DataView(config.buffer, config.byteOffset + capability.offset);
  const control = view.getUint16(messageControl, true);
  const place = (register: number): Msix['table'] => {
    const value = view.getUint32(register, true);
    return { bar: value & 0x7, offset: (value & ~0x7) >>> 0 };
  };
  return {
    entries: (control & 0x7ff) + 1,
    enabled: (control & 0x8000) !== 0,
    table: place(tableOffset),
    pending: place(pendingOffset),
  };
}

interface NamedBlock {
  offset: number;
  bytes: number;
  nameOf: (index: number) => string;
}

async function readBlock(qtest: QtestClient, base: number | undefined, block: NamedBlock): Promise<Answer[]> {
  if (base === undefined) return [];
  const told = await qtest.command(`b64read 0x${(base + block.offset).toString(16)} 0x${block.bytes.toString(16)}`);
  return [{ told, read: () => wordsOf(told, block.nameOf) }];
}

function wordsOf(told: string, nameOf: NamedBlock['nameOf']): Reading[] {
  const block = Buffer.from(told, 'base64');
  return Array.from({ length: block.length / 4 }, (_, index) => ({
    name: nameOf(index),
    offset: index * 4,
    value: block.readUInt32LE(index * 4),
  }));
}
