import { chmod, lstat, mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { BuildError } from '../../core/errors.js';
import { isMissing } from '../cache-folder.js';
import { runChild, type ChildOptions } from '../child.js';
import { walk } from '../file-hashes.js';

/**
 * Unpacks .deb files into one new folder, as many at a time as there are processors. When aborted it starts no other and lets those that run
 * end, since a killed dpkg-deb leaves its own children writing. Throws BuildError naming the file that would not.
 */
export async function unpack(debs: readonly string[], root: string, { signal, deadline }: ChildOptions): Promise<void> {
  await mkdir(root, { mode: 0o700 });
  const waiting = [...debs];
  let stopped = false;
  const worker = async (): Promise<void> => {
    for (let deb = waiting.pop(); deb !== undefined && !stopped; deb = waiting.pop()) {
      signal?.throwIfAborted();
      const done = await runChild(['dpkg-deb', '--extract', deb, root], { deadline });
      signal?.throwIfAborted();
      if (done.exitCode === 0) continue;
      stopped = true;
      throw new BuildError(`dpkg-deb could not unpack ${deb}: ${done.stderr.trim() || done.summary}`, {
        data: { deb },
      });
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: availableParallelism() }, worker));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  // The archives carry a mode for their top folder.
  await chmod(root, 0o700);
}

/** What QEMU reads under usr/share; what its symbolic links lead to is kept besides. */
const data = ['qemu', 'seabios'];

/**
 * Leaves only what a QEMU needs to run: its binaries, libraries, modules and firmware. Then makes the folder independent of the host:
 * no set-user-ID or set-group-ID bits, and no link that leads out of it where the same file lies within.
 */
export async function prune(root: string): Promise<void> {
  const inside = await walk(root);
  for (const path of inside) await tame(root, path);
  const kept = new Set([...data, ...(await linkedData(root))]);
  await keepOnly(root, (name) => ['usr', 'lib', 'lib64'].includes(name));
  await keepOnly(join(root, 'usr'), (name) => ['bin', 'lib', 'lib64', 'share'].includes(name));
  await keepOnly(join(root, 'usr', 'bin'), (name) => name.startsWith('qemu'));
  await keepOnly(join(root, 'usr', 'share'), (name) => kept.has(name));
  await keepOnly(join(root, 'usr', 'lib'), (name) => !['systemd', 'sysusers.d', 'tmpfiles.d', 'udev'].includes(name));
}

async function tame(root: string, path: string): Promise<void> {
  const full = join(root, path);
  const stats = await lstat(full);
  if (!stats.isSymbolicLink()) {
    // Not even the owner may change some packaged folders, and a build must be removable.
    const mode = (stats.mode & 0o777) | (stats.isDirectory() ? 0o700 : 0o600);
    if ((stats.mode & 0o7777) !== mode) await chmod(full, mode);
    return;
  }
  const target = await readlink(full);
  if (!target.startsWith('/') || !(await exists(join(root, target)))) return;
  await rm(full);
  await symlink(relative(dirname(full), join(root, target)), full);
}

/** The folders of usr/share that links inside QEMU's own data lead to. */
async function linkedData(root: string): Promise<string[]> {
  const share = join(root, 'usr', 'share');
  const found = new Set<string>();
  for (const path of await walk(join(share, 'qemu'))) {
    const full = join(share, 'qemu', path);
    if (!(await lstat(full)).isSymbolicLink()) continue;
    const [folder] = relative(share, join(dirname(full), await readlink(full))).split('/');
    if (folder !== undefined && folder !== '..') found.add(folder);
  }
  return [...found];
}

/** Removes everything under a folder but the paths that are named, relative to it, and what lies in them. */
export async function keepPaths(folder: string, paths: readonly string[]): Promise<void> {
  await keepOnly(folder, (name) => paths.some((path) => path.split('/')[0] === name));
  for (const name of await list(folder)) {
    const deeper = paths.flatMap((path) => (path.startsWith(`${name}/`) ? path.slice(name.length + 1) : []));
    if (deeper.length > 0 && !paths.includes(name)) await keepPaths(join(folder, name), deeper);
  }
}

async function keepOnly(folder: string, wanted: (name: string) => boolean): Promise<void> {
  for (const name of await list(folder)) {
    if (!wanted(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function list(folder: string): Promise<string[]> {
  return readdir(folder).catch((thrown: unknown) => {
    if (isMissing(thrown)) return [];
    throw thrown;
  });
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
