import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { isMissing } from './cache-folder.js';

/** Every file of a build that Godwit keeps: its SHA-256, or for a symbolic link where it leads. */
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

/**
 * What differs from the hashes taken when the files were fetched, or `made` otherwise: a sentence for each file; empty when nothing does.
 */
export async function compareFolder(root: string, expected: FileHashes, made = 'fetched'): Promise<string[]> {
  const { files } = await hashFolder(root).catch((thrown: unknown): { files: FileHashes } => {
    if (isMissing(thrown)) return { files: {} };
    throw thrown;
  });
  const paths = [...new Set([...Object.keys(expected), ...Object.keys(files)])].sort();
  return paths.flatMap((path) => {
    const [was, is] = [expected[path], files[path]];
    if (!was) return [`${join(root, path)} was not there when the build was ${made}`];
    if (!is) return [`${join(root, path)} is missing`];
    return JSON.stringify(was) === JSON.stringify(is) ? [] : [`${join(root, path)} is not what was ${made}`];
  });
}

/** Every path under a folder, relative to it, folders before what is in them; nothing when there is no such folder. */
export async function walk(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((thrown: unknown) => {
    if (isMissing(thrown)) return [];
    throw thrown;
  });
  return entries.map((entry) => relative(folder, join(entry.parentPath, entry.name))).sort();
}
