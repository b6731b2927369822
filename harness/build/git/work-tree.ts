import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Deadline } from '../../core/deadline.js';
import { DisposeStack } from '../../core/dispose.js';
import { BuildError } from '../../core/errors.js';
import { type ChildOptions, runChild } from '../child.js';
import { removeTree } from '../fetch-once.js';
import { git, gitWords, tryGit } from './git.js';
import type { Commit } from './revision.js';

/** Milliseconds in which git forgets a work tree, whatever has become of the compile. */
const removeMs = 60_000;

/** A commit checked out into a folder of its own; the user's checkout, its index and its files stay as they are. */
export interface WorkTree extends AsyncDisposable {
  path: string;
  /** Whether it has submodules that are not in it yet, so that QEMU's configure has to fetch them. */
  lacksSubmodules: boolean;
}

/**
 * Checks a commit out into `path`, with those submodules and meson subprojects that the user's checkout has, so that nothing need be downloaded.
 * Disposed, it is gone from the disk and from the repository's list. Throws BuildError with git's own words.
 */
export async function addWorkTree(source: Commit, path: string, options: ChildOptions): Promise<WorkTree> {
  await using cleanup = new DisposeStack();
  cleanup.defer(() => removeWorkTree(source.repository, path));
  // The user's hooks are for the user's checkout.
  const quiet = ['-c', 'core.hooksPath=/dev/null', '-c', 'advice.detachedHead=false'];
  await git(source.repository, [...quiet, 'worktree', 'add', '--detach', '--force', path, source.commit], options);
  const lacksSubmodules = await copySubmodules(source, path, options);
  await copySubprojects(source.repository, path, options);
  const kept = cleanup.move();
  return { path, lacksSubmodules, [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose]() };
}

/** Takes a work tree away, whether its folder is there or not. */
export async function removeWorkTree(repository: string, path: string): Promise<void> {
  // What a compile has left goes first: git looks through all of it otherwise.
  await removeTree(path);
  if (!existsSync(repository)) return;
  const options = { deadline: Deadline.after(removeMs) };
  // Twice, since a work tree is locked while git makes it, and stays so when git is killed.
  const removed = await tryGit(repository, ['worktree', 'remove', '--force', '--force', path], options);
  if (removed.exitCode === 0 || !(await workTrees(repository, options)).includes(path)) return;
  throw new BuildError(`git could not forget the work tree ${path} of ${repository}: ${gitWords(removed)}`);
}

/** The folders of a repository's work trees, also of those that are gone from the disk. */
export async function workTrees(repository: string, options: ChildOptions): Promise<string[]> {
  const listed = await git(repository, ['worktree', 'list', '--porcelain'], options);
  return listed.split('\n').flatMap((line) => /^worktree (.+)$/.exec(line)?.[1] ?? []);
}

/** Whether some are left for QEMU's configure to fetch: none of them could be copied. */
async function copySubmodules({ repository, commit }: Commit, path: string, options: ChildOptions): Promise<boolean> {
  const listed = await git(repository, ['ls-tree', '-r', '-z', '--full-tree', commit], options);
  const links = [...listed.matchAll(/(?:^|\0)160000 commit ([0-9a-f]+)\t([^\0]+)/g)];
  let copied = 0;
  for (const [, pinned = '', name = ''] of links) {
    const own = join(repository, name);
    if (!existsSync(join(own, '.git'))) continue;
    const archive = `${path}.submodule.tar`;
    const packed = await tryGit(own, ['archive', '--format=tar', `--output=${archive}`, pinned], options);
    if (packed.exitCode !== 0) continue;
    await mkdir(join(path, name), { recursive: true });
    const unpacked = await runChild(['tar', '-xf', archive, '-C', join(path, name)], options);
    await rm(archive, { force: true });
    if (unpacked.exitCode !== 0)
      throw new BuildError(`tar could not unpack ${name} of ${repository}: ${unpacked.stderr.trim()}`);
    copied++;
  }
  return links.length > 0 && copied === 0;
}

/** Meson downloads a subproject into the checkout, where git ignores it; it is the right one while its .wrap file is the same. */
async function copySubprojects(repository: string, path: string, options: ChildOptions): Promise<void> {
  const ignored = ['ls-files', '--others', '--ignored', '--exclude-standard', '--directory', '-z', 'subprojects'];
  const listed = await tryGit(repository, ignored, options);
  for (const folder of listed.stdout.split('\0').filter((name) => /^subprojects\/[^/]+\/$/.test(name))) {
    const name = folder.slice(0, -1);
    const [theirs, ours] = await Promise.all([repository, path].map((root) => wrapOf(join(root, name))));
    if (theirs === undefined || theirs !== ours || existsSync(join(path, name))) continue;
    await mkdir(dirname(join(path, name)), { recursive: true });
    await cp(join(repository, name), join(path, name), { recursive: true, verbatimSymlinks: true });
  }
}

async function wrapOf(folder: string): Promise<string | undefined> {
  return readFile(`${folder}.wrap`, 'utf8').catch(() => undefined);
}
