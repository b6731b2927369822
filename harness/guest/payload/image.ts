import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { cacheFolder, writeOnce } from '../../build/cache-folder.js';
import { x86Rom } from './x86-64.js';

/** The path of the payload guest for x86 PCs, for `-bios`. It lies in the cache, so that a killed run leaves nothing that the next would not use. */
export async function payloadImage(): Promise<string> {
  const rom = x86Rom();
  const digest = createHash('sha256').update(rom).digest('hex').slice(0, 16);
  const path = join(cacheFolder(), 'payload', `x86-64-${digest}.rom`);
  await writeOnce(path, rom);
  return path;
}
