import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Deadline } from '../core/deadline.js';
import { UsageError, messageOf } from '../core/errors.js';
import { findOnPath } from './child.js';
import { compareFolder } from './file-hashes.js';
import { listSuites, readHashes, readManifest, removeSuite, suiteFolder } from './deb/suite.js';
import { defaultArch, resolveBuild, type ResolveOptions } from './resolve.js';

/** One build that this host has at hand. */
export interface ListedBuild {
  name: string;
  arch: string;
  version: string;
  package: string;
  /** Bytes on disk; only of what Godwit fetched. */
  bytes?: number;
  /** ISO 8601; only of what Godwit fetched. */
  fetchedAt?: string;
  /** A folder, or the binary of a QEMU on PATH. */
  location: string;
  /** Why it does not run; version and package are empty then. */
  fault?: string;
}

/** The fetched suites, then the QEMU on PATH if there is one. Fetches nothing. */
export async function listBuilds(options: ResolveOptions = {}): Promise<ListedBuild[]> {
  const suites = await listSuites();
  const fetched = suites.map(({ folder, manifest }) =>
    describe(
      `deb:${manifest.suite}`,
      { ...options, arch: manifest.arch },
      {
        bytes: manifest.bytes,
        fetchedAt: manifest.fetchedAt,
        location: folder,
      },
    ),
  );
  const host = `qemu-system-${options.arch ?? defaultArch}`;
  const path = findOnPath(host);
  const installed = path === undefined ? [] : [describe(host, options, { location: path })];
  return Promise.all([...fetched, ...installed]);
}

type Extra = Pick<ListedBuild, 'location'> & Partial<Pick<ListedBuild, 'bytes' | 'fetchedAt'>>;

async function describe(name: string, options: ResolveOptions, extra: Extra): Promise<ListedBuild> {
  const arch = options.arch ?? defaultArch;
  try {
    const build = await resolveBuild(name, { ...options, fetch: false });
    return { name, arch, version: build.version.text, package: build.package, ...extra };
  } catch (thrown) {
    options.signal?.throwIfAborted();
    return {
      name,
      arch,
      version: '',
      package: '',
      ...extra,
      fault: messageOf(thrown),
    };
  }
}

/** Names of the builds at hand that take no fetch. */
export async function namesAtHand(options: ResolveOptions = {}): Promise<string[]> {
  const arch = options.arch ?? defaultArch;
  const suites = (await listSuites())
    .filter(({ manifest }) => manifest.arch === arch)
    .map(({ manifest }) => `deb:${manifest.suite}`);
  const host = `qemu-system-${arch}`;
  return findOnPath(host) === undefined ? suites : [...suites, host];
}

/** What a fetched build's files are against the hashes of the fetch: one sentence for each difference. */
export interface Verified {
  name: string;
  differences: string[];
}

/** Compares fetched builds, all of them unless some are named, with what was fetched. Throws UsageError for one that was not fetched. */
export async function verifyBuilds(names: readonly string[], arch = defaultArch): Promise<Verified[]> {
  const fetched = (await listSuites())
    .filter(({ manifest }) => manifest.arch === arch)
    .map(({ manifest }) => `deb:${manifest.suite}`);
  const wanted = names.length > 0 ? names : fetched;
  const folders = wanted.map((name) => ({ name, folder: fetchedFolder(name, arch) }));
  return Promise.all(
    folders.map(async ({ name, folder }) => {
      const hashes = (await readManifest(folder)) && (await readHashes(folder));
      const unreadable = [`${folder} has no readable manifest of what was fetched`];
      return { name, differences: hashes ? await compareFolder(join(folder, 'root'), hashes) : unreadable };
    }),
  );
}

/** Removes fetched builds. Throws UsageError, before it removes anything, for one that was not fetched. */
export async function removeBuilds(names: readonly string[], options: ResolveOptions = {}): Promise<void> {
  const arch = options.arch ?? defaultArch;
  for (const name of names) fetchedFolder(name, arch);
  const deadline = options.deadline ?? Deadline.after(60_000);
  for (const name of names) {
    await removeSuite(name.slice('deb:'.length), arch, { deadline, ...(options.signal && { signal: options.signal }) });
  }
}

function fetchedFolder(name: string, arch: string): string {
  const suite = /^deb:([a-z][a-z0-9.-]*)$/.exec(name)?.[1];
  const folder = suite === undefined ? undefined : suiteFolder(suite, arch);
  if (folder !== undefined && existsSync(folder)) return folder;
  throw new UsageError(`"${name}" is no fetched build: \`godwit builds\` lists those there are`);
}
