import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { guestKernel } from '../../build/deb/guest-kernel.js';
import { hashFile } from '../../build/file-hashes.js';
import type { Deadline } from '../../core/deadline.js';
import { UsageError } from '../../core/errors.js';
import { linuxImage } from './image/initramfs.js';

/** The suite whose kernel and busybox a guest is made of where nobody says otherwise: the same one on every build, so that they can be compared. */
const usualSuite = 'deb:bookworm';

const usualArch = 'x86_64';

/** What a user says about Linux guests; everything left out is of a Debian suite. */
export interface LinuxSettings {
  /** `deb:SUITE`, or a kernel's image. */
  kernel?: string;
  /** An initramfs in which a shell comes up on the first serial port. */
  initrd?: string;
  /** A disk image, raw or qcow2, whose system has a shell on the first serial port; it is never written to. */
  disk?: string;
  /** Words for the kernel's command line, after Godwit's own. */
  append?: string;
}

/** A Linux that can be started on a machine. */
export interface LinuxSystem {
  /** For reports: "Linux 6.1.0-42-cloud-amd64 (deb:bookworm)". */
  name: string;
  /** Words of QEMU's command line. */
  words: readonly string[];
  /** Disk image of the user's, to be attached as one that can be written to without being changed. */
  disk?: string;
  /** The serial port on which a shell answers: 1 in Godwit's own initramfs, 0, beside the kernel's messages, in a user's system. */
  shellPort: 0 | 1;
  /** SHA-256 over all that its state depends on; absent with a disk. */
  digest?: string;
}

export interface LinuxSystemOptions {
  deadline: Deadline;
  /** As in `qemu-system-ARCH`; x86_64 where nothing is said. */
  arch?: string;
  /** Whether packages that are not in the cache may be fetched. */
  fetch: boolean;
  signal?: AbortSignal;
  onProgress?: (text: string) => void;
}

/**
 * The Linux that a user asked for. Throws UsageError for a file that is not there, an `--append` that no kernel would get and a suite that does
 * not exist, BuildError when packages cannot be had.
 */
export async function linuxSystem(settings: LinuxSettings, options: LinuxSystemOptions): Promise<LinuxSystem> {
  const { kernel = usualSuite, append } = settings;
  const disk = settings.disk === undefined ? undefined : existing('--disk', settings.disk);
  if (disk !== undefined && settings.kernel === undefined) {
    for (const name of ['initrd', 'append'] as const)
      if (settings[name] !== undefined)
        throw new UsageError(
          `--${name} is for a kernel that QEMU starts: give --kernel as well, or leave it to the disk`,
        );
    return { name: `the system on ${disk}`, words: [], disk, shellPort: 0 };
  }
  const initrd = settings.initrd === undefined ? undefined : existing('--initrd', settings.initrd);
  const isSuite = kernel.startsWith('deb:');
  const image = isSuite ? kernel : existing('--kernel', kernel);
  const packaged = await guestKernel(isSuite ? kernel : usualSuite, { arch: usualArch, ...options });
  const own = await linuxImage(packaged);
  // Beside a kernel of the user's a disk is the whole system; beside Godwit's own it is one more disk.
  const attached = isSuite || disk === undefined ? own.initrd : undefined;
  const files = {
    kernel: isSuite ? packaged.kernel : image,
    initrd: initrd ?? attached,
  };
  const line = append === undefined ? own.append : `${own.append} ${append}`;
  return {
    name: isSuite ? `Linux ${packaged.version} (${kernel})` : `the kernel ${image}`,
    words: [
      ...['-kernel', files.kernel],
      ...(files.initrd === undefined ? [] : ['-initrd', files.initrd]),
      ...['-append', line],
    ],
    shellPort: files.initrd === own.initrd ? 1 : 0,
    ...(disk === undefined ? { digest: await digestOf([files.kernel, files.initrd ?? '', line]) } : { disk }),
  };
}

function existing(option: string, path: string): string {
  const full = resolve(path);
  if (!existsSync(full)) throw new UsageError(`${option} ${path}: there is no such file`);
  if (!statSync(full).isFile()) throw new UsageError(`${option} ${path} is no file`);
  return full;
}

async function digestOf([kernel = '', initrd = '', line = '']: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(line);
  for (const path of [kernel, initrd]) hash.update(path === '' ? '' : await hashFile(path));
  return hash.digest('hex');
}
