import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError, messageOf } from '../../core/errors.js';
import type { ChildOptions } from '../child.js';
import { fetchOnce } from '../fetch-once.js';
import { compile, requirePrograms } from './compile.js';
import { CompileLog } from './compile-log.js';
import { keep } from './keep.js';
import {
  changesOf,
  commitsFolder,
  keptFiles,
  logFile,
  readCommitManifest,
  writeCommitManifest,
  type CommitManifest,
} from './manifest.js';
import { buildKey, recipeDigest, type Recipe } from './recipe.js';
import { shownName, subjectOf, type Commit } from './revision.js';
import { sweepDead } from './sweep.js';
import { addWorkTree } from './work-tree.js';

export interface CompileOptions extends ChildOptions {
  /** As the user wrote it, for what is said meanwhile. */
  name: string;
  onProgress?: (text: string) => void;
  /** Compile even what is in the cache. */
  refresh?: boolean;
}

/**
 * Compiles a commit into the cache, once for all who ask at the same time, and remembers one that does not compile as well. What compiles that
 * died have left, in the cache and in the repository, is swept first. Throws BuildError, and caches nothing, when the host could not compile it.
 */
export async function compileOnce(source: Commit, recipe: Recipe, options: CompileOptions): Promise<CommitManifest> {
  requirePrograms(recipe);
  const shown = shownName(options.name, source);
  const progress = (text: string): void => options.onProgress?.(`compiling ${shown}: ${text}`);
  const folder = join(commitsFolder(), buildKey(source.commit, recipe));
  try {
    await sweepDead(source.repository, options);
    return await fetchOnce(folder, {
      ...options,
      onWait: () => progress('waiting for another compile of it'),
      read: async () => (options.refresh ? undefined : readUnchanged(folder)),
      fill: (fresh) => compileInto(fresh, { source, recipe }, { ...options, onProgress: progress }),
    });
  } catch (thrown) {
    options.signal?.throwIfAborted();
    if (isDiskFull(thrown)) {
      throw new BuildError(`${shown}: the host's disk is full (${messageOf(thrown)}); nothing was cached`, {
        cause: thrown,
      });
    }
    if (!(thrown instanceof BuildError)) throw thrown;
    throw new BuildError(`${shown}: ${thrown.message}`, { data: { ...thrown.data }, cause: thrown });
  }
}

async function readUnchanged(folder: string): Promise<CommitManifest | undefined> {
  const manifest = await readCommitManifest(folder);
  return manifest && (await changesOf({ folder, manifest })).length === 0 ? manifest : undefined;
}

type Compiling = CompileOptions & { onProgress: (text: string) => void };

async function compileInto(
  fresh: string,
  { source, recipe }: { source: Commit; recipe: Recipe },
  options: Compiling,
): Promise<CommitManifest> {
  const path = logFile(buildKey(source.commit, recipe));
  const root = join(fresh, 'root');
  const startedMs = performance.now();
  try {
    await using log = await CompileLog.create(path, percentages(options.onProgress));
    options.onProgress('checking it out');
    await using tree = await addWorkTree(source, join(fresh, 'qemu'), options);
    const { command, failed } = await compile({ ...options, ...{ tree, recipe, log, commit: source.commit } });
    if (!failed) await keep(tree.path, root, recipe.targets);
    const manifest: CommitManifest = {
      format: 1,
      repository: source.repository,
      commit: source.commit,
      subject: await subjectOf(source, options),
      targets: recipe.targets,
      recipe: recipeDigest(recipe),
      command,
      compiledAt: new Date().toISOString(),
      seconds: Math.round((performance.now() - startedMs) / 1000),
      ...(await keptFiles(root)),
      ...(failed && { failed }),
    };
    await writeCommitManifest(fresh, manifest);
    if (!failed) await rename(path, join(fresh, 'compile.log'));
    return manifest;
  } catch (thrown) {
    if (options.signal?.aborted) await rm(path, { force: true });
    throw thrown;
  }
}

/** Passes ninja's own account on, once for each whole percent of a step. */
function percentages(onProgress: (text: string) => void): (line: string) => void {
  let shown = '';
  return (line) => {
    const [text, done, all] = /^\[(\d+)\/(\d+)\]/.exec(line) ?? [];
    if (text === undefined) return;
    const percent = `${Math.floor((100 * Number(done)) / Number(all))} of ${all}`;
    if (percent !== shown) onProgress(text);
    shown = percent;
  };
}

function isDiskFull(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && (thrown.code === 'ENOSPC' || thrown.code === 'EDQUOT');
}
