import { join } from 'node:path';
import { z } from 'zod';
import { BuildError, UsageError } from '../../core/errors.js';
import { cacheFolder, makePrivateFolder, readJson, writeJson } from '../cache-folder.js';
import { findOnPath, runChild } from '../child.js';
import { fetchOnce, removeTree } from '../fetch-once.js';
import { hashFile, walk } from '../file-hashes.js';
import { readLists } from './apt.js';
import { downloadAlone, kernelPackages } from './kernel-packages.js';
import { type SuiteOptions, suiteNamed } from './suite.js';
import { keepPaths, unpack } from './unpack.js';

/** A Linux kernel with its modules, and a busybox that needs nothing else: what a guest without a disk is made of. */
export interface GuestKernel {
  /** As the user wrote it: 'deb:bookworm'. */
  name: string;
  /** As in `qemu-system-ARCH`. */
  arch: string;
  /** As `uname -r` tells it: '6.1.0-56-cloud-amd64'. */
  version: string;
  packages: { name: string; version: string; architecture: string }[];
  /** Path of the kernel's image, for `-kernel`. */
  kernel: string;
  /** Path of a statically linked busybox. */
  busybox: string;
  /** The folder lib/modules/VERSION. */
  modules: string;
  /** Modules are still packed (.ko.xz), because the host had no xz when they were fetched: nobody reads those. */
  modulesPacked: boolean;
  /** SHA-256 of the kernel's image and of busybox, hexadecimal. */
  sha256: { kernel: string; busybox: string };
}

const kernelManifest = z.object({
  format: z.literal(1),
  version: z.string(),
  fetchedAt: z.string(),
  packages: z.array(z.object({ name: z.string(), version: z.string(), architecture: z.string() })),
  /** Paths relative to the root. */
  kernel: z.string(),
  busybox: z.string(),
  modules: z.string(),
  modulesPacked: z.boolean(),
  sha256: z.object({ kernel: z.string(), busybox: z.string() }),
});
type KernelManifest = z.infer<typeof kernelManifest>;

/** By architecture as in `qemu-system-ARCH`: dpkg's name of it, and the metapackage of the kernel for virtual machines. */
const packagesOf: Readonly<Record<string, { dpkg: string; metapackage: string }>> = {
  x86_64: { dpkg: 'amd64', metapackage: 'linux-image-cloud-amd64' },
  aarch64: { dpkg: 'arm64', metapackage: 'linux-image-cloud-arm64' },
};

/**
 * The kernel and the busybox of a Debian suite, from the cache or fetched into it. Throws UsageError for a suite or an architecture that
 * does not exist, BuildError when they cannot be had, and the signal's reason when aborted.
 */
export async function guestKernel(name: string, options: SuiteOptions): Promise<GuestKernel> {
  const suite = suiteNamed(name);
  if (!packagesOf[options.arch]) {
    const accepted = Object.keys(packagesOf).join(', ');
    throw new UsageError(`no Linux guest is known for the architecture "${options.arch}": accepted are ${accepted}`);
  }
  const folder = join(cacheFolder(), 'guest', `${suite}-${options.arch}`);
  const read = (): Promise<KernelManifest | undefined> => readJson(join(folder, 'manifest.json'), kernelManifest);
  const cached = options.refresh ? undefined : await read();
  if (!cached && !options.fetch) {
    throw new BuildError(`the kernel of ${name} is not in the cache, and nothing may be fetched here`);
  }
  const progress = (text: string): void => options.onProgress?.(`fetching the kernel of ${name}: ${text}`);
  const manifest =
    cached ??
    (await fetchOnce(folder, {
      ...options,
      onWait: () => progress('waiting for another fetch of it'),
      read: async () => (options.refresh ? undefined : read()),
      fill: (fresh) => fetchInto(fresh, suite, { ...options, onProgress: progress }),
    }));
  const at = (path: string): string => join(folder, 'root', path);
  const { version, packages, kernel, busybox, modules, modulesPacked, sha256 } = manifest;
  const files = { kernel: at(kernel), busybox: at(busybox), modules: at(modules) };
  return { name, arch: options.arch, version, packages, ...files, modulesPacked, sha256 };
}

async function fetchInto(folder: string, suite: string, options: SuiteOptions): Promise<KernelManifest> {
  const wanted = packagesOf[options.arch];
  const apt = join(folder, 'apt');
  const root = join(folder, 'root');
  await makePrivateFolder(apt);
  const lists = await readLists({ suite, ...(wanted && { architecture: wanted.dpkg }) }, apt, options);
  const kernelNames = await kernelPackages(lists, wanted?.metapackage ?? '', options);
  const names = [...kernelNames, 'busybox-static'];
  options.onProgress?.(names.join(', '));
  const packages = await downloadAlone(lists, names, options);
  options.onProgress?.(`unpacking ${packages.length} packages`);
  const debs = packages.map((one) => one.path);
  await unpack(debs, root, options);
  await removeTree(apt);
  const layout = await findLayout(root, suite);
  await keepPaths(root, [layout.kernel, layout.busybox, layout.modules]);
  const modulesPacked = !(await unpackModules(join(root, layout.modules), options));
  const sha256 = {
    kernel: await hashFile(join(root, layout.kernel)),
    busybox: await hashFile(join(root, layout.busybox)),
  };
  const manifest: KernelManifest = {
    format: 1,
    fetchedAt: new Date().toISOString(),
    packages: packages.map(({ name, version, architecture }) => ({ name, version, architecture })),
    ...layout,
    modulesPacked,
    sha256,
  };
  await writeJson(join(folder, 'manifest.json'), manifest);
  return manifest;
}

/** Where the packages have put what is needed: newer suites keep everything under usr, and some the image beside the modules. */
async function findLayout(
  root: string,
  suite: string,
): Promise<Pick<KernelManifest, 'version' | 'kernel' | 'busybox' | 'modules'>> {
  const paths = await walk(root);
  const find = (pattern: RegExp, what: string): string => {
    const path = paths.find((one) => pattern.test(one));
    if (path !== undefined) return path;
    throw new BuildError(`the packages of ${suite} brought no ${what}`);
  };
  const modules = find(/^(?:usr\/)?lib\/modules\/[^/]+$/, 'kernel modules');
  return {
    version: modules.replace(/^.*\//, ''),
    modules,
    kernel: find(/^(?:boot\/vmlinuz-[^/]+|(?:usr\/)?lib\/modules\/[^/]+\/vmlinuz)$/, "kernel's image"),
    busybox: find(/^(?:usr\/)?bin\/busybox$/, 'busybox'),
  };
}

/** Unpacks modules that a suite ships compressed; false where that takes an xz which the host does not have. */
async function unpackModules(folder: string, options: SuiteOptions): Promise<boolean> {
  const packed = (await walk(folder)).filter((path) => path.endsWith('.ko.xz'));
  if (packed.length === 0) return true;
  const xz = findOnPath('xz');
  if (xz === undefined) {
    options.onProgress?.('there is no xz on PATH, so that its modules stay packed and the guest gets none');
    return false;
  }
  options.onProgress?.(`unpacking ${packed.length} modules`);
  const done = await runChild([xz, '--decompress', '--threads=0', '--', ...packed], { ...options, cwd: folder });
  if (done.exitCode === 0) return true;
  throw new BuildError(`xz could not unpack kernel modules: ${done.stderr.trim() || done.summary}`);
}
