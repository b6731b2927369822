import { statSync } from 'node:fs';
import { Deadline } from '../core/deadline.js';
import { BuildError, messageOf, UsageError } from '../core/errors.js';
import { defaultArch, forArchitecture, splitArchitecture } from './architecture.js';
import type { Build, LocatedBuild } from './build.js';
import { findOnPath } from './child.js';
import { locateSuite } from './deb/suite.js';
import { isCommitName, locateCommit } from './git/locate.js';
import type { CompileSettings } from './git/recipe.js';
import { acceptedNames, locateLocal } from './local.js';
import { probeOnce } from './probe/probe-cache.js';

const defaultTimeoutMs = { fetch: 10 * 60_000, compile: 60 * 60_000 };

export interface ResolveOptions {
  /** As in `qemu-system-ARCH`, where the name says none; x86_64 unless told. */
  arch?: string;
  /** Ten minutes unless told, which a fetch over a slow line takes; an hour for a commit, which may have to be compiled. */
  deadline?: Deadline;
  /** Ends what is being fetched, compiled or probed; the promise rejects with its reason. */
  signal?: AbortSignal;
  /** Gets one line at a time on what takes long. */
  onProgress?: (text: string) => void;
  /** Whether what is not in the cache may be fetched or compiled; true unless told. */
  fetch?: boolean;
  /** Fetch or compile even what is in the cache. */
  refresh?: boolean;
  /** How commits are compiled (git:DIR@REV); with the fewest features unless told. */
  compile?: CompileSettings;
}

/**
 * Finds a build by the name that a user wrote, fetches or compiles it where need be, and asks it what it is. A few milliseconds when all is
 * cached. Throws UsageError for a name that means no build, CompileError for a commit that does not compile, BuildError when the build cannot
 * be had or does not run here.
 */
export async function resolveBuild(name: string, options: ResolveOptions = {}): Promise<Build> {
  const timeoutMs = isCommitName(name) ? defaultTimeoutMs.compile : defaultTimeoutMs.fetch;
  const deadline = options.deadline ?? Deadline.after(timeoutMs);
  return probed(await locate(name, { ...options, deadline }), { ...options, deadline });
}

/** Asks a build that has been found what it is. Throws BuildError, and UsageError for a path or a name on PATH, when it is no QEMU that runs here. */
export async function probed(located: LocatedBuild, options: ResolveOptions & { deadline: Deadline }): Promise<Build> {
  const { name, binary, command, env } = located;
  const onProbe = (): void => options.onProgress?.(`probing ${name}`);
  try {
    const { sha256, probe } = await probeOnce(located, { ...options, onProbe });
    return {
      name,
      version: probe.version,
      arch: probe.arch,
      package: probe.package || (located.package ?? ''),
      ...{ sha256, binary, command, env, probe },
    };
  } catch (thrown) {
    // What a user pointed at and is no QEMU is a wrong word, not a build that broke.
    if (thrown instanceof BuildError && !name.startsWith('deb:') && !isCommitName(name)) {
      throw new UsageError(`${thrown.message}; accepted are ${acceptedNames}`, { data: thrown.data, cause: thrown });
    }
    throw thrown;
  }
}

/**
 * Several builds at once, in the order of their names; commits one after the other, for each compile takes all processors, and none after one
 * that fails. All come to their end before the first failure is thrown: no child outlives it.
 */
export async function resolveBuilds(names: readonly string[], options: ResolveOptions = {}): Promise<Build[]> {
  let compiled: Promise<unknown> = Promise.resolve();
  const resolving = names.map((name) => {
    if (!isCommitName(name)) return resolveBuild(name, options);
    const build = compiled.then(() => resolveBuild(name, options));
    compiled = build;
    return build;
  });
  await Promise.allSettled(resolving);
  return Promise.all(resolving);
}

/**
 * Finds a build and asks it nothing: fetched or compiled where need be. Throws as `resolveBuild` does for a name that means no build, or
 * one that cannot be had.
 */
export async function locate(named: string, options: ResolveOptions & { deadline: Deadline }): Promise<LocatedBuild> {
  const { base, arch = options.arch ?? defaultArch } = splitArchitecture(named);
  if (!/^[a-z0-9_]+$/.test(arch))
    throw new UsageError(`"${arch}" is no architecture: write it as in qemu-system-x86_64`);
  const name = { name: forArchitecture(named, arch) };
  const fetch = options.fetch ?? true;
  if (base.startsWith('deb:')) return { ...(await locateSuite(base, { ...options, arch, fetch })), ...name };
  if (isCommitName(base)) return { ...(await locateCommit(base, { ...options, arch, fetch })), ...name };
  // A binary is what it is, whatever architecture is wanted.
  if (!isOneBinary(base)) return { ...locateLocal(base, arch), ...name };
  if (base === named) return locateLocal(base, arch);
  throw new UsageError(`"${named}" says an architecture of one binary, which has its own: write ${base}`);
}

/** The builds that a user's name means for guests of these architectures. */
export interface NamedFor {
  names: string[];
  /** Architectures for which a build tree has no binary, where it has one for another. */
  lacking: string[];
}

/** A binary is one build, whatever it is for; a build tree is as many as it has binaries for, and at least one that is then not found. */
export function namesFor(name: string, architectures: readonly string[]): NamedFor {
  const { base, arch: said } = splitArchitecture(name);
  if (said !== undefined || isOneBinary(base)) return { names: [name], lacking: [] };
  const isTree = !base.startsWith('deb:') && !isCommitName(base);
  const lacking = isTree ? architectures.filter((arch) => !isThere(base, arch)) : [];
  const there = architectures.filter((arch) => !lacking.includes(arch));
  if (there.length === 0)
    return { names: architectures.slice(0, 1).map((arch) => forArchitecture(name, arch)), lacking };
  return { names: there.map((arch) => forArchitecture(name, arch)), lacking };
}

/** Whether a name means a binary of its own: neither a suite, nor a commit, nor a tree with binaries for several architectures. */
function isOneBinary(base: string): boolean {
  if (base.startsWith('deb:') || isCommitName(base)) return false;
  return !base.includes('/') || statSync(base, { throwIfNoEntry: false })?.isDirectory() !== true;
}

function isThere(tree: string, arch: string): boolean {
  try {
    return locateLocal(tree, arch).name === tree;
  } catch {
    return false;
  }
}

/** What `defaultBuilds` found. */
export interface DefaultBuilds {
  /** The wanted builds that could be had, or the QEMU on PATH. */
  builds: Build[];
  /** One line on what is missing and what is used instead. */
  note?: string;
}

/**
 * The wanted builds, all at once; what can be had of them, else the QEMU on PATH, with a line that says so.
 * Throws BuildError saying what to do when there is neither, and the signal's reason when aborted.
 */
export async function defaultBuilds(wanted: readonly string[], options: ResolveOptions = {}): Promise<DefaultBuilds> {
  const tried = await Promise.allSettled(wanted.map((name) => resolveBuild(name, options)));
  options.signal?.throwIfAborted();
  const builds = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const [failure] = tried.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  if (failure === undefined) return { builds };
  const missing = wanted.filter((_, index) => tried[index]?.status === 'rejected').join(', ');
  const why = `${missing} cannot be had (${messageOf(failure)})`;
  if (builds.length > 0) return { builds, note: `${why}; using ${builds.map((build) => build.name).join(', ')} alone` };
  const host = `qemu-system-${options.arch ?? defaultArch}`;
  if (findOnPath(host) === undefined) {
    throw new BuildError(
      `${why} and there is no ${host} on PATH: install QEMU, or name a binary or build tree with --source and --destination`,
      { cause: failure },
    );
  }
  const build = await resolveBuild(host, options);
  return { builds: [build], note: `${why}; using ${host} ${build.version.text} on PATH` };
}
