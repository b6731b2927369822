import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { cacheFolder, writeOnce } from '../../build/cache-folder.js';
import { ppc64Image } from './ppc64.js';

/** The path of the RTAS guest for pseries machines, for `-bios`. It lies in the cache, so that a killed run leaves nothing that the next would not use. */
export async function rtasImage(): Promise<string> {
  const image = ppc64Image();
  const digest = createHash('sha256').update(image).digest('hex').slice(0, 16);
  const path = join(cacheFolder(), 'payload', `ppc64-rtas-${digest}.bin`);
  await writeOnce(path, image);
  return path;
}
