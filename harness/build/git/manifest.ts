import { lstat, readdir } from 'node:fs/promises';
import { existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { cacheFolder, isMissing, readJson, writeJson } from '../cache-folder.js';
import { type FileHashes, hashFile, walk } from '../file-hashes.js';

const texts = z.array(z.string());

/** A kept file and what tells at a glance that nobody has touched it since. */
const keptFile = z.object({
  sha256: z.string(),
  bytes: z.number(),
  modifiedMs: z.number(),
  changedMs: z.number(),
  inode: z.number(),
});
export type KeptFile = z.infer<typeof keptFile>;

/** What is kept beside a compiled commit, or about one that does not compile; paths are relative to its root. */
export const commitManifest = z.object({
  format: z.literal(1),
  repository: z.string(),
  /** In full. */
  commit: z.string(),
  /** The first line of its message. */
  subject: z.string(),
  /** Architectures that it was compiled for. */
  targets: texts,
  /** A digest of all else that decided the result (recipeDigest). */
  recipe: z.string(),
  /** Arguments of configure, or the user's own build command. */
  command: texts,
  /** When the compile ended, ISO 8601. */
  compiledAt: z.string(),
  /** How long it took. */
  seconds: z.number(),
  /** Of all kept files. */
  bytes: z.number(),
  files: z.record(z.string(), keptFile),
  /** Why it does not compile; nothing is kept then but the log. */
  failed: z.exactOptional(
    z.object({
      /** 'configure', 'ninja' or 'build command'. */
      step: z.string(),
      reason: z.string(),
      /** The file that holds all of the output. */
      log: z.string(),
      lastLines: texts,
    }),
  ),
});
export type CommitManifest = z.infer<typeof commitManifest>;

/** Where compiled commits are kept. */
export function commitsFolder(): string {
  return join(cacheFolder(), 'git');
}

/** Where the log of a compile lies while it runs, and stays when the compile fails. */
export function logFile(key: string): string {
  return join(commitsFolder(), 'logs', `${key}.log`);
}

/** The manifest of a compiled commit, or undefined when there is none that this version of Godwit can read. */
export async function readCommitManifest(folder: string): Promise<CommitManifest | undefined> {
  return readJson(join(folder, 'manifest.json'), commitManifest);
}

export async function writeCommitManifest(folder: string, manifest: CommitManifest): Promise<void> {
  await writeJson(join(folder, 'manifest.json'), manifest);
}

/** A commit that was compiled, or that does not compile. */
export interface CachedCommit {
  folder: string;
  manifest: CommitManifest;
}

/** Everything that was compiled, or that does not compile. */
export async function listCommits(): Promise<CachedCommit[]> {
  const names = existsSync(commitsFolder()) ? (await readdir(commitsFolder())).sort() : [];
  const found = await Promise.all(
    names
      .filter((name) => /^[0-9a-f]+-[0-9a-f]+$/.test(name))
      .map(async (name) => {
        const folder = join(commitsFolder(), name);
        const manifest = await readCommitManifest(folder);
        return manifest ? [{ folder, manifest }] : [];
      }),
  );
  return found.flat();
}

/** What a manifest holds of the files under a root. */
export async function keptFiles(root: string): Promise<Pick<CommitManifest, 'files' | 'bytes'>> {
  const files: CommitManifest['files'] = {};
  let bytes = 0;
  for (const path of await walk(root)) {
    const stats = await lstat(join(root, path));
    if (!stats.isFile()) continue;
    files[path] = { sha256: await hashFile(join(root, path)), ...glance(stats) };
    bytes += stats.size;
  }
  return { files, bytes };
}

/** The hashes of a manifest, for a comparison of everything. */
export function hashesOf({ files }: CommitManifest): FileHashes {
  return Object.fromEntries(Object.entries(files).map(([path, { sha256 }]) => [path, { sha256 }]));
}

/**
 * What is not as it was compiled, a sentence for each file: a look at each, and its hash only where the look tells of a change. The manifest
 * is brought up to date when the files are the same after all, as in a cache that was copied.
 */
export async function changesOf({ folder, manifest }: CachedCommit): Promise<string[]> {
  const root = join(folder, 'root');
  const looks = await Promise.all(
    Object.entries(manifest.files).map(async ([path, was]) => ({ path, was, is: await lookAt(join(root, path), was) })),
  );
  const there = existsSync(root) ? await walk(root) : [];
  const strange = there.filter((path) => !(path in manifest.files) && !lstatSync(join(root, path)).isDirectory());
  const changes = [
    ...looks.flatMap(({ path, was, is }) => {
      if (!is) return [`${join(root, path)} is missing`];
      return is.sha256 === was.sha256 ? [] : [`${join(root, path)} is not what was compiled`];
    }),
    ...strange.map((path) => `${join(root, path)} was not there when it was compiled`),
  ];
  if (changes.length === 0 && looks.some(({ was, is }) => was !== is)) {
    const files = Object.fromEntries(looks.flatMap(({ path, is }) => (is ? [[path, is] as const] : [])));
    await writeCommitManifest(folder, { ...manifest, files });
  }
  return changes;
}

/** The very same object when a look tells of no change. */
async function lookAt(path: string, was: KeptFile): Promise<KeptFile | undefined> {
  try {
    const is = glance(await lstat(path));
    const same = (Object.keys(is) as (keyof typeof is)[]).every((key) => is[key] === was[key]);
    return same ? was : { sha256: await hashFile(path), ...is };
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  }
}

function glance(stats: { size: number; mtimeMs: number; ctimeMs: number; ino: number }): Omit<KeptFile, 'sha256'> {
  return { bytes: stats.size, modifiedMs: stats.mtimeMs, changedMs: stats.ctimeMs, inode: stats.ino };
}
