import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makePrivateFolder } from './cache-folder.js';
import { holdLock, type LockOptions } from './lock.js';

/** How a folder of the cache is read and filled. */
export interface Fetching<T> extends LockOptions {
  /** What is in the folder already, or undefined when that is nothing which this version of Godwit can read. */
  read: () => Promise<T | undefined>;
  /** Fills a new, empty folder, which then takes the place of the old one as a whole. */
  fill: (fresh: string) => Promise<T>;
}

/**
 * Fills a folder of the cache once, however many processes ask for it at the same time: one of them fills a folder beside it, which then
 * takes its name; the others get what it brought. What a fetch that died has left is swept. Throws what `fill` throws, and BuildError when
 * another process fills it until the deadline.
 */
export async function fetchOnce<T>(folder: string, options: Fetching<T>): Promise<T> {
  await makePrivateFolder(dirname(folder));
  await using _lock = await holdLock(`${folder}.lock`, options);
  const meanwhile = await options.read();
  if (meanwhile !== undefined) return meanwhile;
  await sweep(folder);
  const fresh = await mkdtemp(`${folder}.new-`);
  try {
    const filled = await options.fill(fresh);
    await replace(folder, fresh);
    return filled;
  } finally {
    await removeTree(fresh);
  }
}

/** Removes a folder of the cache, while nobody fills it; false when there was none. */
export async function removeFetched(folder: string, options: LockOptions): Promise<boolean> {
  if (!existsSync(folder)) return false;
  await using _lock = await holdLock(`${folder}.lock`, options);
  await sweep(folder);
  const old = `${folder}.old-${process.pid}`;
  await rename(folder, old);
  await removeTree(old);
  return true;
}

/** Whoever holds the lock is alone: what lies beside the folder is of a fetch that died. */
async function sweep(folder: string): Promise<void> {
  const leftovers = (await readdir(dirname(folder))).map((name) => join(dirname(folder), name));
  for (const path of leftovers.filter(
    (path) => path.startsWith(`${folder}.new-`) || path.startsWith(`${folder}.old-`),
  )) {
    await removeTree(path);
  }
}

/** Removes a folder. The children of a killed dpkg-deb may write for a moment more: a folder that fills up again is emptied again. */
export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 8 });
}

async function replace(folder: string, fresh: string): Promise<void> {
  const old = `${folder}.old-${process.pid}`;
  if (existsSync(folder)) await rename(folder, old);
  await rename(fresh, folder);
  await removeTree(old);
}
