import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder, isMissing, writeOnce } from '../../../build/cache-folder.js';
import type { GuestKernel } from '../../../build/deb/guest-kernel.js';
import { linuxArchitecture } from './architectures.js';
import { cpioArchive, type CpioEntry } from './cpio.js';
import { initScript } from './init-script.js';
import { type KernelModule, readModules } from './kernel-modules.js';
import { greetingFormat } from '../session/markers.js';

/** What a machine boots Linux from: the words of QEMU's `-kernel`, `-initrd` and `-append`. */
export interface LinuxImage {
  kernel: string;
  initrd: string;
  append: string;
  /** SHA-256 over the kernel, the initrd and the words for the kernel, hexadecimal: the same digest is the same guest. */
  digest: string;
  /** The modules that are loaded at boot, in this order. */
  modules: readonly string[];
}

/** Drivers of what is plugged into machines under test; those that a kernel has built in, or not at all, are no fault. */
export const usualModules: readonly string[] = [
  ...['virtio_pci', 'virtio_blk', 'virtio_net', 'virtio_scsi', 'virtio_balloon', 'virtio_mem', 'virtio_rng'],
  ...['virtio_console', 'net_failover', 'sd_mod', 'nvme', 'e1000', 'e1000e', 'igb', '8139cp', 'vmxnet3', 'xhci_pci'],
];

/** Words for the kernel of an architecture. The quick ones leave out checks and protections; hotplug, ACPI and timers are as ever. */
function usualWords(arch: string): string[] {
  const { console, quickWords } = linuxArchitecture(arch);
  return [console, 'loglevel=6', 'panic=-1', ...quickWords];
}

/** How an image differs from the usual one. */
export interface ImageOptions {
  modules?: readonly string[];
  /** More words for the kernel; a later one overrides an earlier one. */
  append?: readonly string[];
}

/**
 * Makes the initramfs of a guest whose only programs are busybox's, in the cache, under the name of its digest; what is there is not made
 * again. Throws BuildError for a module that is none.
 */
export async function linuxImage(kernel: GuestKernel, options: ImageOptions = {}): Promise<LinuxImage> {
  const wanted = kernel.modulesPacked ? [] : (options.modules ?? usualModules);
  const modules = await readModules(kernel.modules, wanted);
  const names = modules.map(({ name }) => name);
  const { shellPort } = linuxArchitecture(kernel.arch);
  const init = initScript({ modules: names, shellPort, greeting: greetingFormat });
  const builtIn = await readOrNothing(join(kernel.modules, 'modules.builtin'));
  const archive = cpioArchive([
    ...folders(['bin', 'dev', 'etc', 'lib', 'proc', 'root', 'run', 'sys', 'tmp']),
    { path: 'init', kind: 'file', content: Buffer.from(init), mode: 0o755 },
    { path: 'bin/busybox', kind: 'file', content: await readFile(kernel.busybox), mode: 0o755 },
    { path: 'bin/sh', kind: 'link', target: 'busybox' },
    // The kernel opens the console for /init before anything is mounted.
    { path: 'dev/console', kind: 'character', major: 5, minor: 1 },
    { path: 'dev/null', kind: 'character', major: 1, minor: 3 },
    ...moduleEntries(kernel.version, modules),
    // modprobe takes a module for loaded that stands in it.
    { path: `lib/modules/${kernel.version}/modules.builtin`, kind: 'file', content: builtIn },
  ]);
  const append = [...usualWords(kernel.arch), ...(options.append ?? [])].join(' ');
  const contents = sha256(archive);
  const initrd = join(cacheFolder(), 'guest', 'initramfs', `${contents}.cpio`);
  await writeOnce(initrd, archive);
  const digest = sha256(JSON.stringify([kernel.sha256.kernel, contents, append]));
  return { kernel: kernel.kernel, initrd, append, digest, modules: names };
}

/** Some kernels come without a list of what is built in (sid's 7.2). */
async function readOrNothing(path: string): Promise<Buffer> {
  return readFile(path).catch((thrown: unknown) => {
    if (isMissing(thrown)) return Buffer.alloc(0);
    throw thrown;
  });
}

function moduleEntries(version: string, modules: readonly KernelModule[]): CpioEntry[] {
  const folder = `lib/modules/${version}`;
  const lines = modules.map(({ name, needs }) => `${name}.ko:${needs.map((need) => ` ${need}.ko`).join('')}\n`);
  return [
    ...folders(['lib/modules', folder]),
    { path: `${folder}/modules.dep`, kind: 'file', content: Buffer.from(lines.join('')) },
    ...modules.map(({ name, content }): CpioEntry => ({ path: `${folder}/${name}.ko`, kind: 'file', content })),
  ];
}

function folders(paths: readonly string[]): CpioEntry[] {
  return paths.map((path) => ({ path, kind: 'folder' }));
}

function sha256(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The words of a command line that boot an image. */
export function imageWords({ kernel, initrd, append }: LinuxImage): string[] {
  return ['-kernel', kernel, '-initrd', initrd, '-append', append];
}
