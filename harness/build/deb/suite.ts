import { readdir, rm, symlink } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Deadline } from '../../core/deadline.js';
import { BuildError, UsageError } from '../../core/errors.js';
import { forArchitecture } from '../architecture.js';
import type { LocatedBuild } from '../build.js';
import { cacheFolder, makePrivateFolder, readJson, writeJson } from '../cache-folder.js';
import { runChild, type ChildOptions } from '../child.js';
import { fetchOnce, removeFetched } from '../fetch-once.js';
import { fileHashes, hashFolder, type FileHashes } from '../file-hashes.js';
import { download } from './apt.js';
import { suiteManifest, type SuiteManifest } from './manifest.js';
import { prune, unpack } from './unpack.js';

export interface SuiteOptions {
  arch: string;
  deadline: Deadline;
  signal?: AbortSignal;
  onProgress?: (text: string) => void;
  /** Whether a suite that is not in the cache may be fetched. */
  fetch: boolean;
  /** Fetch even what is in the cache. */
  refresh?: boolean;
}

/** The Debian package that brings `qemu-system-ARCH`. */
const packageOf: Readonly<Record<string, string>> = {
  x86_64: 'qemu-system-x86',
  i386: 'qemu-system-x86',
  ppc64: 'qemu-system-ppc',
  ppc: 'qemu-system-ppc',
  aarch64: 'qemu-system-arm',
  arm: 'qemu-system-arm',
};

/** Where Debian puts the libraries and the dynamic loader for a host processor, by Node's name for it. */
const hosts: Readonly<Record<string, { triplet: string; loaders: string[] }>> = {
  x64: { triplet: 'x86_64-linux-gnu', loaders: ['ld-linux-x86-64.so.2', 'ld-2.31.so'] },
  arm64: { triplet: 'aarch64-linux-gnu', loaders: ['ld-linux-aarch64.so.1', 'ld-2.31.so'] },
};

const suitesFolder = (): string => join(cacheFolder(), 'deb');

/** Where an unpacked suite lies, or would lie. */
export function suiteFolder(suite: string, arch: string): string {
  return join(suitesFolder(), `${suite}-${arch}`);
}

/**
 * A suite's QEMU, from the cache or fetched into it. Throws UsageError for a suite or architecture that does not exist, BuildError when it
 * cannot be had.
 */
export async function locateSuite(name: string, options: SuiteOptions): Promise<LocatedBuild> {
  const suite = suiteNamed(name);
  const folder = suiteFolder(suite, options.arch);
  let manifest = options.refresh ? undefined : await readManifest(folder);
  if (!manifest && !options.fetch) {
    const full = forArchitecture(name, options.arch);
    throw new BuildError(
      `${full} is not in the cache, and nothing may be fetched here: \`godwit builds add ${full}\` fetches it`,
    );
  }
  manifest ??= await fetchSuite(name, options);
  return describe(name, join(folder, 'root'), manifest);
}

/** The suite of a build's name, 'bookworm' of 'deb:bookworm'; throws UsageError for what is no name of a suite. */
export function suiteNamed(name: string): string {
  const suite = /^deb:([a-z][a-z0-9.-]*)$/.exec(name)?.[1];
  if (suite !== undefined) return suite;
  const arch = /^deb:[^:]*:(.*)$/.exec(name)?.[1];
  if (arch !== undefined)
    throw new UsageError(
      `"${name}": "${arch}" is no architecture as in qemu-system-ARCH; accepted are ${Object.keys(packageOf).join(', ')}`,
    );
  throw new UsageError(`"${name}" names no Debian suite: write deb:SUITE with a code name, as in deb:bookworm`);
}

/** The manifest of an unpacked suite, or undefined when there is none that this version of Godwit can read. */
export async function readManifest(folder: string): Promise<SuiteManifest | undefined> {
  return readJson(join(folder, 'manifest.json'), suiteManifest);
}

/** The hashes that were taken when the suite was fetched. */
export async function readHashes(folder: string): Promise<FileHashes | undefined> {
  return readJson(join(folder, 'files.json'), fileHashes);
}

function describe(name: string, root: string, manifest: SuiteManifest): LocatedBuild {
  const at = (path: string): string => join(root, path);
  const libraries = ['--library-path', manifest.libraryPath.map(at).join(':')];
  return {
    name,
    binary: at(manifest.binary),
    command: [
      at(manifest.loader),
      ...libraries,
      at(manifest.binary),
      ...manifest.dataPath.flatMap((path) => ['-L', at(path)]),
    ],
    env: { QEMU_MODULE_DIR: at(manifest.moduleFolder) },
  };
}

async function fetchSuite(name: string, options: SuiteOptions): Promise<SuiteManifest> {
  const suite = name.slice('deb:'.length);
  const folder = suiteFolder(suite, options.arch);
  const packageName = packageOf[options.arch];
  if (packageName === undefined) {
    throw new UsageError(
      `no Debian package is known for the architecture "${options.arch}": accepted are ${Object.keys(packageOf).join(', ')}`,
    );
  }
  const progress = (text: string): void => options.onProgress?.(`fetching ${name}: ${text}`);
  return fetchOnce(folder, {
    ...options,
    onWait: () => progress('waiting for another fetch of it'),
    read: async () => (options.refresh ? undefined : readManifest(folder)),
    fill: (fresh) => fetchInto(fresh, { suite, packageName, arch: options.arch }, { ...options, onProgress: progress }),
  });
}

interface Wanted {
  suite: string;
  packageName: string;
  arch: string;
}

async function fetchInto(
  folder: string,
  wanted: Wanted,
  options: Omit<SuiteOptions, 'arch' | 'fetch'>,
): Promise<SuiteManifest> {
  const apt = join(folder, 'apt');
  const root = join(folder, 'root');
  await makePrivateFolder(apt);
  const packages = await download(wanted, apt, options);
  options.onProgress?.(`unpacking ${packages.length} packages`);
  await unpack(
    packages.map((one) => one.path),
    root,
    options,
  );
  await rm(apt, { recursive: true, force: true });
  await prune(root);
  options.signal?.throwIfAborted();
  const layout = await findLayout(root, wanted, options);
  await bundle(root, layout.loader);
  options.onProgress?.('hashing');
  const { files, bytes } = await hashFolder(root);
  const manifest: SuiteManifest = {
    format: 1,
    suite: wanted.suite,
    arch: wanted.arch,
    fetchedAt: new Date().toISOString(),
    bytes,
    packages: packages.map(({ name, version, architecture }) => ({ name, version, architecture })),
    ...layout,
  };
  await writeJson(join(folder, 'files.json'), files);
  await writeJson(join(folder, 'manifest.json'), manifest);
  return manifest;
}

type Layout = Pick<SuiteManifest, 'binary' | 'loader' | 'libraryPath' | 'dataPath' | 'moduleFolder'>;

async function findLayout(root: string, { suite, arch }: Wanted, options: ChildOptions): Promise<Layout> {
  const host = hosts[process.arch];
  if (!host)
    throw new BuildError(
      `suites cannot be run on a ${process.arch} host: accepted are ${Object.keys(hosts).join(', ')}`,
    );
  const present = (paths: string[]): string[] => paths.filter((path) => existsSync(join(root, path)));
  const libraries = ['lib', 'usr/lib'].map((folder) => `${folder}/${host.triplet}`);
  const [loader] = present(libraries.flatMap((folder) => host.loaders.map((name) => `${folder}/${name}`)));
  const [binary] = present([`usr/bin/qemu-system-${arch}`]);
  if (loader === undefined || binary === undefined) {
    const missing = binary === undefined ? `qemu-system-${arch}` : 'dynamic loader';
    throw new BuildError(`the packages of ${suite} brought no ${missing}`);
  }
  const moduleFolder = `usr/lib/${host.triplet}/qemu`;
  const libraryPath = await completeLibraryPath(
    root,
    { loader, own: present(libraries), moduleFolder, binary },
    options,
  );
  const dataPath = present(['usr/share/qemu', 'usr/share/seabios', 'usr/lib/ipxe/qemu']);
  return { binary, loader, libraryPath, dataPath, moduleFolder };
}

interface Loading {
  loader: string;
  own: string[];
  binary: string;
  moduleFolder: string;
}

/**
 * The library folders and those of their subfolders that hold what the binary or a module
 * would miss, or find on the host: some packages keep private libraries
 * in one (pulseaudio's libpulsecommon) and name it by an absolute path, which leads to the host.
 */
async function completeLibraryPath(
  root: string,
  { loader, own, binary, moduleFolder }: Loading,
  options: ChildOptions,
): Promise<string[]> {
  const modules = existsSync(join(root, moduleFolder)) ? await readdir(join(root, moduleFolder)) : [];
  const objects = [binary, ...modules.filter((name) => name.endsWith('.so')).map((name) => `${moduleFolder}/${name}`)];
  const missing = new Set<string>();
  for (const object of objects) {
    const path = own.map((folder) => join(root, folder)).join(':');
    const listed = await runChild([join(root, loader), '--library-path', path, '--list', join(root, object)], options);
    for (const [, name = '', where = ''] of listed.stdout.matchAll(/^\s*(\S+) => (.+)$/gm)) {
      if (!where.startsWith(`${root}/`)) missing.add(name);
    }
  }
  const subfolders = await Promise.all(own.map((folder) => subfoldersOf(root, folder)));
  const holding = subfolders
    .flat()
    .filter((folder) => [...missing].some((name) => existsSync(join(root, folder, name))));
  return [...own, ...holding];
}

async function subfoldersOf(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? `${folder}/${entry.name}` : [])).sort();
}

/**
 * QEMU looks for a `qemu-bundle` beside its executable, which here is the loader, before it turns to the folders it was compiled with
 * (util/cutils.c get_relocated_path, since 7.1). The link keeps it from loading modules of a QEMU that the host has installed, which
 * would abort it ("Only modules from the same build can be loaded").
 */
async function bundle(root: string, loader: string): Promise<void> {
  const beside = dirname(join(root, loader));
  await symlink(relative(beside, root), join(beside, 'qemu-bundle'));
}

/** Removes a fetched suite; false when there was none. */
export async function removeSuite(
  suite: string,
  arch: string,
  options: { deadline: Deadline; signal?: AbortSignal },
): Promise<boolean> {
  return removeFetched(suiteFolder(suite, arch), options);
}

/** The manifests of all fetched suites, with their folders. */
export async function listSuites(): Promise<{ folder: string; manifest: SuiteManifest }[]> {
  const names = existsSync(suitesFolder()) ? (await readdir(suitesFolder())).sort() : [];
  const found = await Promise.all(
    names.map(async (name) => {
      const folder = join(suitesFolder(), name);
      const manifest = await readManifest(folder);
      // A fetch in progress has a manifest just before it gets its name.
      return manifest && folder === suiteFolder(manifest.suite, manifest.arch) ? [{ folder, manifest }] : [];
    }),
  );
  return found.flat();
}
