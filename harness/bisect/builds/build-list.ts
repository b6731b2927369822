import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Build, compareVersions } from '../../build/build.js';
import { isExecutable } from '../../build/child.js';
import { locateLocal } from '../../build/local.js';
import { defaultArch } from '../../build/resolve.js';
import { CompileError, messageOf, UsageError } from '../../core/errors.js';
import { unusableBy } from '../commits/commit-build.js';
import type { Unusable } from '../history/examination.js';

/** Finds a build by its name. */
export type Resolve = (name: string) => Promise<Build>;

/** A build of the list; why it cannot be judged where a commit does not compile. */
export type ListMember = { name: string; build: Build } | { name: string; unusable: Unusable };

/**
 * The builds that words name, in their order, each once: names may stand in one word with commas between them, and a folder stands for
 * every QEMU in it, by version and then by name. What is no QEMU that runs here is left out of a folder and told to `onNote`.
 * Throws UsageError for a folder without any, and what resolving a name throws.
 */
export async function buildList(
  words: readonly string[],
  resolve: Resolve,
  onNote: (note: string) => void,
): Promise<ListMember[]> {
  const list: ListMember[] = [];
  for (const name of words.flatMap(namesIn)) {
    const members = membersOf(name);
    if (!members) list.push(await memberOf(name, resolve));
    else
      list.push(...(await byVersion(name, members, { resolve, onNote })).map((build) => ({ name: build.name, build })));
  }
  return [...new Map(list.map((member) => [member.name, member])).values()];
}

async function memberOf(name: string, resolve: Resolve): Promise<ListMember> {
  try {
    return { name, build: await resolve(name) };
  } catch (thrown) {
    if (!(thrown instanceof CompileError)) throw thrown;
    return { name, unusable: unusableBy(thrown) };
  }
}

function namesIn(word: string): string[] {
  if (existsSync(word)) return [word];
  const names = word.split(',').filter((name) => name !== '');
  if (names.length > 0) return names;
  throw new UsageError(`--builds '${word}' names no build; accepted: builds, with commas between them, or folders`);
}

/** The QEMUs in a folder; undefined for what is no folder, or is a build tree itself. */
function membersOf(folder: string): string[] | undefined {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  const members = readdirSync(folder)
    .map((entry) => join(folder, entry))
    .map((path) => (path.includes('/') ? path : `./${path}`))
    .filter((path) => isEmulator(path));
  return members.length <= 1 && isTree(folder) ? undefined : members;
}

function isEmulator(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return isTree(path);
  return (path.split('/').at(-1) ?? '').startsWith(`qemu-system-${defaultArch}`) && isExecutable(path);
}

function isTree(folder: string): boolean {
  try {
    locateLocal(folder.includes('/') ? folder : `./${folder}`, defaultArch);
    return true;
  } catch {
    return false;
  }
}

async function byVersion(
  folder: string,
  members: readonly string[],
  { resolve, onNote }: { resolve: Resolve; onNote: (note: string) => void },
): Promise<Build[]> {
  const resolved = await Promise.allSettled(members.map((member) => resolve(member)));
  const builds = resolved.flatMap((one, index) => {
    if (one.status === 'fulfilled') return [one.value];
    onNote(`${members[index]} is left out: ${messageOf(one.reason)}`);
    return [];
  });
  if (builds.length === 0)
    throw new UsageError(`--builds ${folder} holds no qemu-system-${defaultArch} and no build tree that runs here`);
  return builds.sort((a, b) => compareVersions(a.version, b.version) || a.name.localeCompare(b.name, 'en'));
}
