import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Build } from '../../build/build.js';
import { cacheFolder } from '../../build/cache-folder.js';
import { findOnPath, runChild } from '../../build/child.js';
import { fetchOnce } from '../../build/fetch-once.js';
import type { LockOptions } from '../../build/lock.js';
import { BuildError, UsageError } from '../../core/errors.js';
import { packageRoot } from '../../core/package-root.js';

/** The stand-in for the kernel's VFIO, compiled for this host. */
export interface StandIn {
  /** A library to preload into QEMU. */
  library: string;
  /** A folder that is to QEMU what a device's folder in sysfs is: `-device vfio-pci,sysfsdev=…`. */
  device: string;
}

/** What the stand-in does not do, for every report of a cell that has one: a verdict says nothing of these. */
export const standInRemark =
  "the kernel's VFIO is a stand-in here, without PRE_COPY, P2P, iommufd, interrupts, DMA and mapped BARs";

const source = join(packageRoot, 'harness', 'vfio', 'stand-in', 'kernel.c');
/** Linked against nothing: it loads beside every C library, older ones than this host's too. */
const flags = ['-std=gnu11', '-O2', '-fPIC', '-shared', '-nostdlib', '-fno-stack-protector', '-U_FORTIFY_SOURCE'];
const compiler = 'cc';
const noCompiler = `the stand-in for the kernel's VFIO is compiled on this host, and there is no C compiler (${compiler}) on PATH`;
/** Milliseconds for a compiler to look at the source. */
const complaintMs = 20_000;
/** What QEMU calls the device in its messages: by the name of its folder, which for a mediated device is a UUID. */
const deviceName = '76666900-0000-4000-8000-000000000001';

/** What a compiler finds wrong with the source, by its path: it is asked once by each process. */
const complaints = new Map<string, string | undefined>();

/** Says why no cell of these builds can have a stand-in; undefined where nothing is in the way. */
export function standInObstacle(route: readonly Build[]): string | undefined {
  const path = findOnPath(compiler);
  if (path === undefined) return noCompiler;
  if (!complaints.has(path)) complaints.set(path, complaintOf(path));
  const complaint = complaints.get(path);
  if (complaint !== undefined) return complaint;
  const lacking = route.find(({ probe }) => !probe.devices.includes('vfio-pci'));
  return lacking && `${lacking.name} has no device vfio-pci`;
}

/**
 * The stand-in from the cache; compiled there by the first who asks with this source and this compiler. Throws BuildError with the first of
 * the compiler's own errors, or when there is no compiler; and UsageError for a cache folder whose path cannot be preloaded from.
 */
export async function standIn(options: LockOptions): Promise<StandIn> {
  const folder = join(cacheFolder(), 'vfio', await keyOf(options));
  if (/[\s:]/.test(folder))
    throw new UsageError(
      `the cache folder "${cacheFolder()}" holds white space or a colon, at which LD_PRELOAD ends a path; set XDG_CACHE_HOME to a path without`,
    );
  const made: StandIn = { library: join(folder, 'kernel.so'), device: join(folder, deviceName) };
  if (existsSync(made.library)) return made;
  return fetchOnce(folder, {
    ...options,
    read: () => Promise.resolve(existsSync(made.library) ? made : undefined),
    fill: async (fresh) => {
      await compile(join(fresh, 'kernel.so'), options);
      await mkdir(join(fresh, deviceName));
      // All that QEMU reads there: the last part of the link's name is the number of the device's group.
      await symlink('../../iommu_groups/0', join(fresh, deviceName, 'iommu_group'));
      return made;
    },
  });
}

async function compile(library: string, options: LockOptions): Promise<void> {
  const { exitCode, stderr, summary } = await runChild([compiler, ...flags, '-o', library, source], options);
  if (exitCode !== 0) throw new BuildError(doesNotCompile(stderr, summary), { data: { log: stderr } });
}

/** Has the compiler look at the source alone, which takes it some 70 ms: a cell is planned or skipped before anything of it can be awaited. */
function complaintOf(path: string): string | undefined {
  const { status, stderr, error } = spawnSync(path, [...flags, '-fsyntax-only', source], {
    ...{ encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' }, stdio: ['ignore', 'ignore', 'pipe'] },
    timeout: complaintMs,
  });
  return status === 0 ? undefined : doesNotCompile(stderr, error?.message ?? `exit status ${status}`);
}

function doesNotCompile(stderr: string, summary: string): string {
  const error = stderr.split('\n').find((line) => line.includes('error')) ?? summary;
  return `the stand-in for the kernel's VFIO does not compile on this host: ${error}`;
}

/** Names the file by all that its content depends on. */
async function keyOf(options: LockOptions): Promise<string> {
  if (findOnPath(compiler) === undefined) throw new BuildError(noCompiler);
  const [text, { stdout }] = await Promise.all([readFile(source, 'utf8'), runChild([compiler, '--version'], options)]);
  return createHash('sha256')
    .update(JSON.stringify([text, flags, deviceName, stdout]))
    .digest('hex')
    .slice(0, 16);
}
