import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Build, compareVersions } from '../../build/build.js';
import { isExecutable } from '../../build/child.js';
import { locateLocal } from '../../build/local.js';
import { CompileError, messageOf, UsageError } from '../../core/errors.js';
import { unusableBy } from '../commits/commit-build.js';
import type { Unusable } from '../history/examination.js';

/** Finds a build by its name. */
export type Resolve = (name: string) => Promise<Build>;

/** How a list of builds is made of words. */
export interface ListSearch {
  resolve: Resolve;
  /** The architecture of the builds in folders, as in qemu-system-ARCH. */
  arch: string;
  onNote: (note: string) => void;
}

/** A build of the list; why it cannot be judged where a commit does not compile. */
export type ListMember = { name: string; build: Build } | { name: string; unusable: Unusable };

/**
 * The builds that words name, in their order, each once: names may stand in one word with commas between them, and a folder stands for
 * every QEMU in it, by version and then by name. What is no QEMU that runs here is left out of a folder and told to `onNote`.
 * Throws UsageError for a folder without any, and what resolving a name throws.
 */
export async function buildList(words: readonly string[], search: ListSearch): Promise<ListMember[]> {
  const list: ListMember[] = [];
  for (const name of words.flatMap(namesIn)) {
    const members = membersOf(name, search.arch);
    if (!members) list.push(await memberOf(name, search.resolve));
    else list.push(...(await byVersion(name, members, search)).map((build) => ({ name: build.name, build })));
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
function membersOf(folder: string, arch: string): string[] | undefined {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  const members = readdirSync(folder)
    .map((entry) => join(folder, entry))
    .map((path) => (path.includes('/') ? path : `./${path}`))
    .filter((path) => isEmulator(path, arch));
  return members.length <= 1 && isTree(folder, arch) ? undefined : members;
}

function isEmulator(path: string, arch: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return isTree(path, arch);
  return (path.split('/').at(-1) ?? '').startsWith(`qemu-system-${arch}`) && isExecutable(path);
}

function isTree(folder: string, arch: string): boolean {
  try {
    locateLocal(folder.includes('/') ? folder : `./${folder}`, arch);
    return true;
  } catch {
    return false;
  }
}

async function byVersion(
  folder: string,
  members: readonly string[],
  { resolve, arch, onNote }: ListSearch,
): Promise<Build[]> {
  const resolved = await Promise.allSettled(members.map((member) => resolve(member)));
  const builds = resolved.flatMap((one, index) => {
    if (one.status === 'fulfilled') return [one.value];
    onNote(`${members[index]} is left out: ${messageOf(one.reason)}`);
    return [];
  });
  if (builds.length === 0)
    throw new UsageError(`--builds ${folder} holds no qemu-system-${arch} and no build tree that runs here`);
  return builds.sort((a, b) => compareVersions(a.version, b.version) || a.name.localeCompare(b.name, 'en'));
}
