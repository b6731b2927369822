import { Deadline } from '../core/deadline.js';
import { BuildError, messageOf, UsageError } from '../core/errors.js';
import type { Build, LocatedBuild } from './build.js';
import { findOnPath } from './child.js';
import { locateSuite } from './deb/suite.js';
import { isCommitName, locateCommit } from './git/locate.js';
import type { CompileSettings } from './git/recipe.js';
import { acceptedNames, locateLocal } from './local.js';
import { probeOnce } from './probe/probe-cache.js';

/** The architecture of the guests, where nobody says another. */
export const defaultArch = 'x86_64';

const defaultTimeoutMs = { fetch: 10 * 60_000, compile: 60 * 60_000 };

export interface ResolveOptions {
  /** As in `qemu-system-ARCH`; x86_64 unless told. */
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

async function locate(name: string, options: ResolveOptions & { deadline: Deadline }): Promise<LocatedBuild> {
  const arch = options.arch ?? defaultArch;
  if (!/^[a-z0-9_]+$/.test(arch))
    throw new UsageError(`"${arch}" is no architecture: write it as in qemu-system-x86_64`);
  const fetch = options.fetch ?? true;
  if (name.startsWith('deb:')) return locateSuite(name, { ...options, arch, fetch });
  if (isCommitName(name)) return locateCommit(name, { ...options, arch, fetch });
  return locateLocal(name, arch);
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
