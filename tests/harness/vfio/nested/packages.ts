import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { cacheFolder, makePrivateFolder, readJson, writeJson } from '../../../../harness/build/cache-folder.js';
import { type ChildOptions, findOnPath, runChild } from '../../../../harness/build/child.js';
import { type AptOptions, downloaded, downloadError, readLists } from '../../../../harness/build/deb/apt.js';
import type { GuestKernel } from '../../../../harness/build/deb/guest-kernel.js';
import { downloadAlone } from '../../../../harness/build/deb/kernel-packages.js';
import { keepPaths, unpack } from '../../../../harness/build/deb/unpack.js';
import { fetchOnce, removeTree } from '../../../../harness/build/fetch-once.js';
import { hashFile, walk } from '../../../../harness/build/file-hashes.js';
import { BuildError } from '../../../../harness/core/errors.js';

/** The suite whose generic kernel has VFIO: 6.12, with protocol v2 of VFIO migration. */
const suite = 'trixie';

/** The kernel with its headers and compiler, which its headers depend on, and the programs that compile a module. */
const packageNames = [
  ...['linux-image-amd64', 'linux-headers-amd64', 'busybox-static'],
  ...['make', 'base-files', 'dash', 'coreutils', 'sed', 'grep', 'mawk', 'findutils'],
];

/** Modules that the nested guest may need; the others stay packed. */
const unpackedModules =
  /^kernel\/(?:drivers\/(?:vfio|virtio|net)|net\/(?:9p|core)|fs\/(?:9p|netfs)|virt|lib)\/.*\.ko\.xz$/;

const manifestSchema = z.object({
  format: z.literal(1),
  version: z.string(),
  packages: z.array(z.object({ name: z.string(), version: z.string(), architecture: z.string() })),
  sha256: z.object({ kernel: z.string(), busybox: z.string() }),
});
type Manifest = z.infer<typeof manifestSchema>;

/** Where everything of nested guests is kept. */
export function nestedFolder(): string {
  return join(cacheFolder(), 'nested');
}

/** What the nested guest is made of. */
export interface NestedPackages {
  kernel: GuestKernel;
  /** The root of a system that can compile modules for that kernel. */
  toolchain: string;
  /** Text of the kernel's own samples/vfio-mdev/mtty.c. */
  mttySource: string;
}

/**
 * The generic kernel of trixie with what compiles its modules, and the source of its sample mdev driver: from the cache, or fetched into it
 * (350 MB, by the host's apt with a state of its own). Throws BuildError when they cannot be had.
 */
export async function nestedPackages(options: AptOptions): Promise<NestedPackages> {
  const folder = join(nestedFolder(), `${suite}-x86_64`);
  const read = (): Promise<Manifest | undefined> => readJson(join(folder, 'manifest.json'), manifestSchema);
  const fill = (fresh: string): Promise<Manifest> => fetchInto(fresh, options);
  const { version, packages, sha256 } = (await read()) ?? (await fetchOnce(folder, { ...options, read, fill }));
  const root = join(folder, 'root');
  const kernel: GuestKernel = {
    ...{ name: `deb:${suite}`, arch: 'x86_64', version, packages, sha256, modulesPacked: false },
    kernel: join(root, 'boot', `vmlinuz-${version}`),
    busybox: join(root, 'usr/bin/busybox'),
    modules: join(root, 'usr/lib/modules', version),
  };
  return { kernel, toolchain: root, mttySource: await readFile(join(folder, 'mtty.c'), 'utf8') };
}

async function fetchInto(folder: string, options: AptOptions): Promise<Manifest> {
  const apt = join(folder, 'apt');
  const root = join(folder, 'root');
  await makePrivateFolder(apt);
  const lists = await readLists({ suite, architecture: 'amd64' }, apt, options);
  const install = ['install', '--download-only', '--assume-yes', '--no-install-recommends', ...packageNames];
  const done = await runChild(['apt-get', ...install], { ...options, env: lists.env });
  if (done.exitCode !== 0) throw downloadError(packageNames.join(' '), suite, done);
  const packages = await downloaded(join(apt, 'cache', 'archives'));
  await unpack(packages.map(pathOf), root, options);
  const version = packages.flatMap(({ name }) => /^linux-image-(\d.*-amd64)$/.exec(name)?.[1] ?? [])[0];
  if (version === undefined) throw new BuildError(`the packages of ${suite} brought no kernel`);
  // What a package's script would make, which nobody runs.
  await symlink('mawk', join(root, 'usr/bin/awk'));
  const mountPoints = ['dev', 'proc', 'sys', 'tmp'];
  const links = ['bin', 'lib', 'lib64', 'sbin'];
  const used = ['bin', 'sbin', 'lib', 'lib64', 'libexec', 'src'].map((name) => `usr/${name}`);
  await keepPaths(root, [...mountPoints, ...links, ...used, `boot/vmlinuz-${version}`]);
  await unpackModules(join(root, 'usr/lib/modules', version), options);

  const minor = /^\d+\.\d+/.exec(version)?.[0] ?? version;
  const sources = await downloadAlone(lists, [`linux-source-${minor}`], options);
  const unpacked = join(folder, 'source');
  await unpack(sources.map(pathOf), unpacked, options);
  await extractMtty(join(unpacked, 'usr/src', `linux-source-${minor}.tar.xz`), folder, options);
  for (const path of [apt, unpacked]) await removeTree(path);

  const sha256 = {
    kernel: await hashFile(join(root, 'boot', `vmlinuz-${version}`)),
    busybox: await hashFile(join(root, 'usr/bin/busybox')),
  };
  const named = [...packages, ...sources].map(({ path: _path, ...named }) => named);
  const manifest: Manifest = { format: 1, version, packages: named, sha256 };
  await writeJson(join(folder, 'manifest.json'), manifest);
  return manifest;
}

function pathOf({ path }: { path: string }): string {
  return path;
}

async function unpackModules(folder: string, options: ChildOptions): Promise<void> {
  const packed = (await walk(folder)).filter((path) => unpackedModules.test(path));
  await must(['xz', '--decompress', '--threads=0', '--', ...packed], { ...options, cwd: folder });
}

/** Takes the driver's source out of the kernel's: some ten seconds, for all of it is one archive. */
async function extractMtty(archive: string, folder: string, options: ChildOptions): Promise<void> {
  const inside = 'samples/vfio-mdev/mtty.c';
  const take = ['--wildcards', '--strip-components=3', `*/${inside}`];
  await must(['tar', '--extract', '--xz', '--file', archive, '--directory', folder, ...take], options);
}

async function must(command: readonly [string, ...string[]], options: ChildOptions): Promise<void> {
  const [program] = command;
  // tar runs xz by itself.
  for (const needed of [program, 'xz'])
    if (findOnPath(needed) === undefined)
      throw new BuildError(`there is no ${needed} on PATH, which the kernel's packages need`);
  const done = await runChild(command, options);
  if (done.exitCode !== 0) throw new BuildError(`${program} failed: ${done.stderr.trim() || done.summary}`);
}
