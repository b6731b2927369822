import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from '../../core/errors.js';
import { runChild } from '../child.js';
import { type AptOptions, type DebPackage, downloaded, downloadError, type SuiteLists } from './apt.js';

/** Packages that together make a kernel: sid has the image and the modules in packages of their own (seen with 7.2), older suites in one. */
const kernelPackage = /^linux-(?:image|binary|modules)-/;

/**
 * The packages that bring the files of a kernel, named by the metapackage that always depends on the newest one.
 * Throws UsageError when the suite has no such metapackage, BuildError when it leads to none.
 */
export async function kernelPackages(lists: SuiteLists, metapackage: string, options: AptOptions): Promise<string[]> {
  const found = new Set<string>();
  const waiting = [metapackage];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const dependencies = await dependenciesOf(lists, name, options);
    for (const dependency of dependencies.filter((one) => kernelPackage.test(one) && !found.has(one))) {
      found.add(dependency);
      waiting.push(dependency);
    }
  }
  if (found.size === 0) throw new BuildError(`${metapackage} of ${lists.suite} depends on no kernel`);
  return [...found].sort();
}

async function dependenciesOf(lists: SuiteLists, name: string, options: AptOptions): Promise<string[]> {
  const shown = await runChild(['apt-cache', 'show', '--no-all-versions', name], { ...options, env: lists.env });
  if (shown.exitCode !== 0) throw downloadError(name, lists.suite, shown);
  const depends = /^Depends: (.*)$/m.exec(shown.stdout)?.[1] ?? '';
  return depends.split(/[,|]/).map((one) => one.trim().split(/[ (:]/)[0] ?? '');
}

/** Downloads packages of a suite without what they depend on. Throws as `download` does. */
export async function downloadAlone(
  lists: SuiteLists,
  names: readonly string[],
  options: AptOptions,
): Promise<DebPackage[]> {
  const folder = join(lists.folder, 'packages');
  await mkdir(folder, { mode: 0o700 });
  const done = await runChild(['apt-get', 'download', ...names], { ...options, env: lists.env, cwd: folder });
  if (done.exitCode !== 0) throw downloadError(names.join(' '), lists.suite, done);
  return downloaded(folder);
}
