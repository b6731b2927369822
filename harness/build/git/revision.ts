import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { UsageError } from '../../core/errors.js';
import type { ChildOptions } from '../child.js';
import { git, gitWords, tryGit } from './git.js';

/** A name taken apart. */
export interface GitName {
  /** The folder of the checkout, absolute. */
  dir: string;
  /** As git reads it: a commit, a tag, a branch, `HEAD@{1}`. */
  revision: string;
}

/** One commit of a repository on this host. */
export interface Commit {
  /** The checkout's top folder, or the bare repository. */
  repository: string;
  /** 40 hexadecimal digits, or 64. */
  commit: string;
}

/** How many hexadecimal digits of a commit are shown and name its folder. */
export const shownDigits = 12;

/**
 * Reads `git:DIR@REV`. The last `@` that neither stands within braces nor before one divides, so that DIR may hold one; without REV it is HEAD.
 * Throws UsageError for what is no such name.
 */
export function parseGitName(name: string): GitName {
  const text = /^git:(.+)$/s.exec(name)?.[1];
  if (text === undefined || text.startsWith('@')) {
    throw new UsageError(`"${name}" names no commit: write git:DIR@REV with a QEMU checkout, as in git:qemu@v10.0.0`);
  }
  const at = divider(text);
  const dir = at < 0 ? text : text.slice(0, at);
  const revision = at < 0 ? '' : text.slice(at + 1);
  // A shell leaves the tilde alone where it is not the first character of a word.
  const home = dir === '~' || dir.startsWith('~/') ? join(homedir(), dir.slice(1)) : dir;
  return { dir: resolve(home), revision: revision === '' ? 'HEAD' : revision };
}

function divider(text: string): number {
  let depth = 0;
  for (let at = text.length - 1; at >= 0; at--) {
    if (text[at] === '}') depth++;
    else if (text[at] === '{') depth = Math.max(0, depth - 1);
    else if (text[at] === '@' && depth === 0 && text[at + 1] !== '{') return at;
  }
  return -1;
}

/** The commit that a revision means. Throws UsageError when there is no such folder, repository or commit. */
export async function findCommit(name: string, options: ChildOptions): Promise<Commit> {
  const { dir, revision } = parseGitName(name);
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new UsageError(`"${name}" names no commit: there is no folder ${dir}`);
  }
  const where = await tryGit(dir, ['rev-parse', '--is-bare-repository', '--absolute-git-dir'], options);
  if (where.exitCode !== 0) throw new UsageError(`"${name}" names no commit: ${gitWords(where)}`);
  const [bare, gitDir = ''] = where.stdout.split('\n');
  const repository = bare === 'true' ? gitDir : await git(dir, ['rev-parse', '--show-toplevel'], options);
  const found = await tryGit(dir, ['rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`], options);
  const commit = found.stdout.split('\n').find((line) => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(line));
  if (found.exitCode !== 0 || commit === undefined) {
    throw new UsageError(`"${name}" names no commit: "${revision}" is none in ${repository}: ${gitWords(found)}`);
  }
  return { repository, commit };
}

/** The first line of a commit's message. */
export async function subjectOf({ repository, commit }: Commit, options: ChildOptions): Promise<string> {
  return git(repository, ['log', '-1', '--no-show-signature', '--format=%s', commit], options);
}

/** The name of a commit's build whatever branch and tag move on. */
export function lastingName({ repository, commit }: Commit): string {
  return `git:${repository}@${commit.slice(0, shownDigits)}`;
}

/** A commit in a message: "git:qemu@HEAD (0123456789ab)". */
export function shownName(name: string, { commit }: Pick<Commit, 'commit'>): string {
  return `${name} (${commit.slice(0, shownDigits)})`;
}
