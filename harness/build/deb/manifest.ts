import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { isMissing } from '../cache-folder.js';
import { walk } from './unpack.js';

/** What is kept beside an unpacked suite; paths are relative to its root. */
export const suiteManifest = z.object({
  format: z.literal(1),
  suite: z.string(),
  arch: z.string(),
  /** When the fetch ended, ISO 8601. */
  fetchedAt: z.string(),
  /** Bytes of all files. */
  bytes: z.number(),
  packages: z.array(z.object({ name: z.string(), version: z.string(), architecture: z.string() })),
  binary: z.string(),
  loader: z.string(),
  libraryPath: z.array(z.string()),
  dataPath: z.array(z.string()),
  moduleFolder: z.string(),
});
export type SuiteManifest = z.infer<typeof suiteManifest>;

/** Every file of an unpacked suite: its SHA-256, or for a symbolic link where it leads. */
export const fileHashes = z.record(
  z.string(),
  z.union([z.object({ sha256: z.string() }), z.object({ link: z.string() })]),
);
export type FileHashes = z.infer<typeof fileHashes>;

/** SHA-256 of a file's content, hexadecimal. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest('hex');
}

/** Hashes everything under a folder. */
export async function hashFolder(root: string): Promise<{ files: FileHashes; bytes: number }> {
  const files: FileHashes = {};
  let bytes = 0;
  for (const path of await walk(root)) {
    const stats = await lstat(join(root, path));
    if (stats.isFile()) files[path] = { sha256: await hashFile(join(root, path)) };
    else if (stats.isSymbolicLink()) files[path] = { link: await readlink(join(root, path)) };
    bytes += stats.isFile() ? stats.size : 0;
  }
  return { files, bytes };
}

/** What differs from the hashes taken at the fetch, a sentence for each file; empty when nothing does. */
export async function compareFolder(root: string, expected: FileHashes): Promise<string[]> {
  const { files } = await hashFolder(root).catch((thrown: unknown): { files: FileHashes } => {
    if (isMissing(thrown)) return { files: {} };
    throw thrown;
  });
  const paths = [...new Set([...Object.keys(expected), ...Object.keys(files)])].sort();
  return paths.flatMap((path) => {
    const [was, is] = [expected[path], files[path]];
    if (!was) return [`${join(root, path)} was not there when the build was fetched`];
    if (!is) return [`${join(root, path)} is missing`];
    return JSON.stringify(was) === JSON.stringify(is) ? [] : [`${join(root, path)} is not what was fetched`];
  });
}
