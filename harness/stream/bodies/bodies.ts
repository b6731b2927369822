import type { BodyReader } from '../section.js';
import { BlockReader } from './block.js';
import { DirtyBitmapReader } from './dirty-bitmap.js';
import { HashTableReader } from './hash-table.js';
import { StorageAttributesReader } from './storage-attributes.js';
import { VfioReader } from './vfio.js';

/** The reader of a section's bodies by its idstr; undefined where only the footer tells how long they are. */
export function bodyReaders(name: string): BodyReader | undefined {
  if (name === 'block') return new BlockReader();
  if (name === 'dirty-bitmap') return new DirtyBitmapReader();
  if (name === 'spapr/htab') return new HashTableReader();
  if (name === 's390-storage_attributes') return new StorageAttributesReader();
  // The device's path stands before it: "0000:00:04.0/vfio".
  if (name.endsWith('/vfio')) return new VfioReader();
  return undefined;
}
