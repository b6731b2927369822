import { rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { statSync } from 'node:fs';
import { BuildError, CompileError, UsageError } from '../../core/errors.js';
import type { LocatedBuild } from '../build.js';
import type { ChildOptions } from '../child.js';
import { locateSuite, type SuiteOptions } from '../deb/suite.js';
import { removeFetched } from '../fetch-once.js';
import type { LockOptions } from '../lock.js';
import { compileOnce } from './compile-once.js';
import { dataFolders, kept } from './keep.js';
import { changesOf, commitsFolder, listCommits, logFile, readCommitManifest, type CachedCommit } from './manifest.js';
import { buildKey, recipeDigest, recipeOf, type CompileSettings, type Recipe } from './recipe.js';
import { findCommit, lastingName, parseGitName, shownDigits, shownName, type Commit } from './revision.js';

export interface CommitOptions extends SuiteOptions {
  /** How it is compiled; with the fewest features unless told. */
  compile?: CompileSettings;
}

/**
 * A commit's QEMU, from the cache or compiled into it. Throws UsageError for what is no commit, CompileError for a commit that does not
 * compile, BuildError when the host could not compile it.
 */
export async function locateCommit(name: string, options: CommitOptions): Promise<LocatedBuild> {
  const settings = options.compile ?? {};
  const recipe = recipeOf(settings, options.arch);
  const source = await findCommit(name, options);
  const firmware = await firmwareFolders(settings.firmware, options);
  const cached = options.refresh ? undefined : await findInCache(name, { source, recipe }, options);
  const { folder, manifest } = cached ?? {
    folder: join(commitsFolder(), buildKey(source.commit, recipe)),
    manifest: await compileOnce(source, recipe, { ...options, name }),
  };
  if (manifest.failed) {
    const { reason, log, step, lastLines } = manifest.failed;
    throw new CompileError(`${shownName(name, source)} does not compile (${step}): ${reason}; the log is ${log}`, {
      data: { log, lastLines, step, commit: source.commit },
    });
  }
  return describeCommit({ folder, manifest }, { name, arch: options.arch, firmware });
}

/** A compiled commit as a build; `firmware` names folders that QEMU takes from what its own lack. */
export function describeCommit(
  { folder, manifest }: CachedCommit,
  { name, arch, firmware = [] }: { name: string; arch: string; firmware?: readonly string[] },
): LocatedBuild {
  const root = join(folder, 'root');
  const binary = join(root, kept.binaries, `qemu-system-${arch}`);
  const hasModules = Object.keys(manifest.files).some((path) => path.startsWith(`${kept.modules}/`));
  return {
    name,
    binary,
    command: [binary, ...[...dataFolders(root), ...firmware].flatMap((data) => ['-L', data])],
    env: hasModules ? { QEMU_MODULE_DIR: join(root, kept.modules) } : {},
    package: `${manifest.commit.slice(0, shownDigits)} ${manifest.subject.slice(0, 60)}`.trimEnd(),
  };
}

/** Throws BuildError where nothing may be compiled and it is not there, or not as it was compiled. */
async function findInCache(
  name: string,
  { source, recipe }: { source: Commit; recipe: Recipe },
  options: CommitOptions,
): Promise<CachedCommit | undefined> {
  const changes: string[] = [];
  for await (const candidate of candidates(source, recipe)) {
    const found = await changesOf(candidate);
    if (found.length === 0) return candidate;
    changes.push(...found);
  }
  const shown = shownName(name, source);
  if (!options.fetch) {
    const why =
      changes.length > 0
        ? `was changed in the cache: ${changes[0]}`
        : 'is not compiled yet, and nothing may be compiled here';
    throw new BuildError(`${shown} ${why}: \`godwit builds add ${name}\` compiles it`, { data: { changes } });
  }
  if (changes.length > 0) options.onProgress?.(`${shown} was changed in the cache: ${changes[0]}; compiling it again`);
  return undefined;
}

/** What was made by this very recipe, then what was made for more targets besides. */
async function* candidates({ commit }: Commit, recipe: Recipe): AsyncGenerator<CachedCommit> {
  const folder = join(commitsFolder(), buildKey(commit, recipe));
  const manifest = await readCommitManifest(folder);
  if (manifest) yield { folder, manifest };
  const digest = recipeDigest(recipe);
  yield* (await listCommits()).filter(
    (cached) =>
      cached.folder !== folder &&
      cached.manifest.commit === commit &&
      cached.manifest.recipe === digest &&
      !cached.manifest.failed &&
      recipe.targets.every((arch) => cached.manifest.targets.includes(arch)),
  );
}

async function firmwareFolders(firmware: string | undefined, options: CommitOptions): Promise<string[]> {
  if (firmware === undefined) return [];
  if (firmware.startsWith('deb:')) {
    const { command } = await locateSuite(firmware, { ...options, refresh: false });
    return command.filter((_, index) => command[index - 1] === '-L');
  }
  const folder = resolve(firmware);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return [folder];
  throw new UsageError(`"${firmware}" is no firmware: accepted are deb:SUITE as in deb:bookworm, or a folder`);
}

/** Whether a word is meant as the name of a commit. */
export function isCommitName(name: string): boolean {
  return name.startsWith('git:');
}

/** Everything in the cache of the commit that a name means, by its digits alone where the repository is gone. */
export async function cachedCommits(name: string, options: ChildOptions): Promise<CachedCommit[]> {
  const { revision } = parseGitName(name);
  const all = await listCommits();
  const named = all.filter(({ manifest }) => lastingName(manifest) === name);
  if (named.length > 0) return named;
  const isDigits = /^[0-9a-f]{7,}$/.test(revision);
  const byDigits = isDigits ? all.filter(({ manifest }) => manifest.commit.startsWith(revision)) : [];
  if (byDigits.length > 0) return byDigits;
  const { commit } = await findCommit(name, options);
  return all.filter(({ manifest }) => manifest.commit === commit);
}

/** Removes a compiled commit, or what is remembered of one that does not compile, with its log. */
export async function removeCommit({ folder }: CachedCommit, options: LockOptions): Promise<void> {
  await removeFetched(folder, options);
  await rm(logFile(basename(folder)), { force: true });
}
