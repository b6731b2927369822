import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { z } from 'zod';
import { UsageError } from '../core/errors.js';

/**
 * Where fetched builds and probes are kept: `$XDG_CACHE_HOME/godwit`, or `~/.cache/godwit`.
 * Throws UsageError for a path that a loader's library path or apt's configuration cannot carry.
 */
export function cacheFolder(): string {
  const wished = process.env['XDG_CACHE_HOME'];
  // The XDG base directory specification tells to ignore a relative path.
  const base = wished !== undefined && isAbsolute(wished) ? wished : join(homedir(), '.cache');
  if (/[:;"\n]/.test(base)) {
    throw new UsageError(
      `the cache folder "${base}" holds a colon, semicolon, double quote or line break; set XDG_CACHE_HOME to a path without`,
    );
  }
  return join(base, 'godwit');
}

/** Makes a folder that only its owner can enter, with all folders above it. */
export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

/** The content of a JSON file as `schema` describes it, or undefined when it is missing, cut short or of another form. */
export async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Writes a file so that a reader sees the old content or the new, never a part. */
export async function writeWhole(path: string, content: string | Buffer): Promise<void> {
  await makePrivateFolder(dirname(path));
  const fresh = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(fresh, content, { mode: 0o600 });
    await rename(fresh, path);
  } catch (thrown) {
    await rm(fresh, { force: true });
    throw thrown;
  }
}

/** Writes a file whose name tells its content, unless it is there already. */
export async function writeOnce(path: string, content: string | Buffer): Promise<void> {
  if (!existsSync(path)) await writeWhole(path, content);
}

/** Writes a JSON file as a whole. */
export async function writeJson(path: string, content: unknown): Promise<void> {
  await writeWhole(path, `${JSON.stringify(content)}\n`);
}

/** Whether a failed file operation says that there is no such file. */
export function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR');
}
