import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { cacheFolder, writeOnce } from '../../build/cache-folder.js';
import { UsageError } from '../../core/errors.js';
import { aarch64Image } from './aarch64.js';
import { x86Rom } from './x86-64.js';

const images: Readonly<Record<string, () => Buffer>> = { x86_64: x86Rom, aarch64: aarch64Image };

/**
 * The path of the payload guest for an architecture, for `-bios`. It lies in the cache, so that a killed run leaves nothing that the next would not
 * use. Throws UsageError for an architecture that it does not exist for.
 */
export async function payloadImage(arch: string): Promise<string> {
  const image = images[arch];
  if (!image) {
    throw new UsageError(`there is no payload guest for ${arch}; there is one for: ${Object.keys(images).join(', ')}`);
  }
  const rom = image();
  const digest = createHash('sha256').update(rom).digest('hex').slice(0, 16);
  const path = join(cacheFolder(), 'payload', `${arch}-${digest}.rom`);
  await writeOnce(path, rom);
  return path;
}
