import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { ChildOptions } from '../child.js';
import { removeTree } from '../fetch-once.js';
import { holdFreeLock } from '../lock.js';
import { commitsFolder } from './manifest.js';
import { removeWorkTree, workTrees } from './work-tree.js';

/**
 * Sweeps what compiles that died have left: their folders in the cache, and their work trees in the list of this repository. Work trees of
 * anybody else stay, and so does everything of a compile that still goes on, which is told by its lock.
 */
export async function sweepDead(repository: string, options: ChildOptions): Promise<void> {
  if (!existsSync(commitsFolder())) return;
  // As git lists work trees.
  const cache = realpathSync(commitsFolder());
  const folders = readdirSync(cache).map((name) => join(cache, name));
  const trees = (await workTrees(repository, options)).filter((path) => !relative(cache, path).startsWith('..'));
  const left = [...folders, ...trees].flatMap((path) => {
    const key = /^([^./]+)\.(?:new|old)-/.exec(relative(cache, path))?.[1];
    return key === undefined ? [] : [{ key, path, isTree: trees.includes(path) }];
  });
  for (const key of new Set(left.map((one) => one.key))) {
    await using lock = await holdFreeLock(join(cache, `${key}.lock`), options);
    if (!lock) continue;
    const ofKey = left.filter((one) => one.key === key);
    for (const { path } of ofKey.filter(({ isTree }) => isTree)) await removeWorkTree(repository, path);
    for (const { path } of ofKey.filter(({ isTree }) => !isTree)) await removeTree(path);
  }
}
