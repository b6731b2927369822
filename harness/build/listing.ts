import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Deadline } from '../core/deadline.js';
import { UsageError, messageOf } from '../core/errors.js';
import type { Build } from './build.js';
import { findOnPath } from './child.js';
import { compareFolder } from './file-hashes.js';
import { listSuites, readHashes, readManifest, removeSuite, suiteFolder } from './deb/suite.js';
import { cachedCommits, describeCommit, isCommitName, removeCommit } from './git/locate.js';
import { hashesOf, listCommits, type CachedCommit } from './git/manifest.js';
import { lastingName } from './git/revision.js';
import { defaultArch, forArchitecture, splitArchitecture } from './architecture.js';
import { probed, resolveBuild, type ResolveOptions } from './resolve.js';

/** Milliseconds in which what is at hand is asked or removed. */
const askMs = 60_000;

/** One build that this host has at hand. */
export interface ListedBuild {
  name: string;
  arch: string;
  version: string;
  package: string;
  /** Bytes on disk; only of what Godwit fetched or compiled. */
  bytes?: number;
  /** ISO 8601; only of what Godwit fetched or compiled. */
  fetchedAt?: string;
  /** A folder, or the binary of a QEMU on PATH. */
  location: string;
  /** Why it does not run, or does not compile; version is empty then. */
  fault?: string;
}

/** The fetched suites, the compiled commits, then the QEMU on PATH if there is one. Fetches and compiles nothing. */
export async function listBuilds(options: ResolveOptions = {}): Promise<ListedBuild[]> {
  const fetched = (await listSuites()).map(({ folder, manifest: { suite, arch, bytes, fetchedAt } }) => {
    const name = forArchitecture(`deb:${suite}`, arch);
    const resolved = (): Promise<Build> => resolveBuild(name, { ...options, fetch: false });
    return describe({ name, arch, bytes, fetchedAt, location: folder }, resolved, options);
  });
  const compiled = (await listCommits()).flatMap((cached) =>
    cached.manifest.targets.map((arch) => describeCompiled(cached, arch, options)),
  );
  const arch = options.arch ?? defaultArch;
  const name = `qemu-system-${arch}`;
  const path = findOnPath(name);
  const resolved = (): Promise<Build> => resolveBuild(name, { ...options, fetch: false });
  const installed = path === undefined ? [] : [describe({ name, arch, location: path }, resolved, options)];
  return Promise.all([...fetched, ...compiled, ...installed]);
}

type Known = Omit<ListedBuild, 'version' | 'package' | 'fault'>;

async function describe(known: Known, resolved: () => Promise<Build>, options: ResolveOptions): Promise<ListedBuild> {
  try {
    const build = await resolved();
    return { ...known, version: build.version.text, package: build.package };
  } catch (thrown) {
    options.signal?.throwIfAborted();
    return { ...known, version: '', package: '', fault: messageOf(thrown) };
  }
}

async function describeCompiled(cached: CachedCommit, arch: string, options: ResolveOptions): Promise<ListedBuild> {
  const { folder, manifest } = cached;
  const name = forArchitecture(lastingName(manifest), arch);
  const known = { name, arch, bytes: manifest.bytes, fetchedAt: manifest.compiledAt, location: folder };
  const located = describeCommit(cached, { name, arch });
  if (manifest.failed) {
    const { reason, log } = manifest.failed;
    return {
      ...known,
      version: '',
      package: located.package ?? '',
      fault: `does not compile: ${reason}; the log is ${log}`,
    };
  }
  const deadline = options.deadline ?? Deadline.after(askMs);
  return describe(known, () => probed(located, { ...options, deadline }), options);
}

/** Names of the builds at hand that take no fetch. */
export async function namesAtHand(options: ResolveOptions = {}): Promise<string[]> {
  const arch = options.arch ?? defaultArch;
  const suites = (await listSuites())
    .filter(({ manifest }) => manifest.arch === arch)
    .map(({ manifest }) => forArchitecture(`deb:${manifest.suite}`, arch));
  const host = `qemu-system-${arch}`;
  return findOnPath(host) === undefined ? suites : [...suites, host];
}

/** What a build's files are against the hashes taken when it was fetched or compiled: one sentence for each difference. */
export interface Verified {
  name: string;
  made: 'fetched' | 'compiled';
  differences: string[];
}

/**
 * Compares fetched and compiled builds, all of them unless some are named, with what was fetched and compiled. Throws UsageError for one that
 * was not.
 */
export async function verifyBuilds(names: readonly string[]): Promise<Verified[]> {
  const suites = await listSuites();
  const all = [
    ...suites.map(({ manifest: { suite, arch } }) => forArchitecture(`deb:${suite}`, arch)),
    ...new Set((await listCommits()).map(({ manifest }) => lastingName(manifest))),
  ];
  const verified = (names.length > 0 ? names : all).map(async (name) =>
    isCommitName(name) ? verifyCommits(name) : [await verifySuite(name)],
  );
  return (await Promise.all(verified)).flat();
}

async function verifySuite(name: string): Promise<Verified> {
  const folder = fetchedFolder(name);
  const hashes = (await readManifest(folder)) && (await readHashes(folder));
  const unreadable = [`${folder} has no readable manifest of what was fetched`];
  const differences = hashes ? await compareFolder(join(folder, 'root'), hashes) : unreadable;
  return { name, made: 'fetched', differences };
}

/** One for each recipe by which the commit was compiled. */
async function verifyCommits(name: string): Promise<Verified[]> {
  return Promise.all(
    (await compiledCommits(name, Deadline.after(askMs))).map(async ({ folder, manifest }): Promise<Verified> => {
      const differences = await compareFolder(join(folder, 'root'), hashesOf(manifest), 'compiled');
      return { name, made: 'compiled', differences };
    }),
  );
}

/**
 * Removes fetched builds, and all that was compiled of commits. Throws UsageError, before it removes anything, for one that is not in the
 * cache.
 */
export async function removeBuilds(names: readonly string[], options: ResolveOptions = {}): Promise<void> {
  const bounded = {
    deadline: options.deadline ?? Deadline.after(askMs),
    ...(options.signal && { signal: options.signal }),
  };
  const removable = async (name: string): Promise<CachedCommit[]> => {
    const found = await compiledCommits(name, bounded.deadline);
    checkWhole(name, found);
    return found;
  };
  const commits = await Promise.all(names.filter(isCommitName).map(removable));
  const suites = names.filter((name) => !isCommitName(name));
  for (const name of suites) fetchedFolder(name);
  for (const name of suites) {
    const { base, arch = defaultArch } = splitArchitecture(name);
    await removeSuite(base.slice('deb:'.length), arch, bounded);
  }
  for (const cached of commits.flat()) await removeCommit(cached, bounded);
}

/** Throws UsageError for one architecture of a commit that was compiled for several in one go. */
function checkWhole(name: string, found: readonly CachedCommit[]): void {
  const { base, arch } = splitArchitecture(name);
  const others = found.flatMap(({ manifest }) => manifest.targets.filter((target) => target !== arch));
  if (arch === undefined || others.length === 0) return;
  throw new UsageError(`"${name}" was compiled together with ${others.join(', ')}: ${base} removes all of it`);
}

async function compiledCommits(name: string, deadline: Deadline): Promise<CachedCommit[]> {
  const { base, arch } = splitArchitecture(name);
  const cached = await cachedCommits(base, { deadline });
  const found = arch === undefined ? cached : cached.filter(({ manifest }) => manifest.targets.includes(arch));
  if (found.length > 0) return found;
  throw new UsageError(`"${name}" is no compiled build: \`godwit builds\` lists those there are`);
}

function fetchedFolder(name: string): string {
  const { base, arch = defaultArch } = splitArchitecture(name);
  const suite = /^deb:([a-z][a-z0-9.-]*)$/.exec(base)?.[1];
  const folder = suite === undefined ? undefined : suiteFolder(suite, arch);
  if (folder !== undefined && existsSync(folder)) return folder;
  throw new UsageError(`"${name}" is no fetched build: \`godwit builds\` lists those there are`);
}
