import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { constants, gunzipSync } from 'node:zlib';

/** Bytes from the start of a file in which every header lies that is known here. */
const headBytes = 4096;

/** Architectures as in `qemu-system-ARCH` by e_machine of a 64-bit ELF file. Source: Linux include/uapi/linux/elf-em.h. */
const elfMachines: Readonly<Record<number, string>> = { 21: 'ppc64', 22: 's390x', 62: 'x86_64', 183: 'aarch64' };

/**
 * The architecture of the machines that a kernel's image is for, as in `qemu-system-ARCH`, by its own header; undefined for a file that has none
 * that is known here, or that cannot be read.
 */
export function kernelArchitecture(path: string): string | undefined {
  const head = headOf(path);
  return architectureOf(head) ?? architectureOf(unpacked(head));
}

function headOf(path: string): Buffer {
  const head = Buffer.alloc(headBytes);
  let file: number | undefined;
  try {
    // A named pipe would be waited for.
    if (!statSync(path).isFile()) return Buffer.alloc(0);
    file = openSync(path, 'r');
    return head.subarray(0, readSync(file, head));
  } catch {
    // Whoever needs the file says what is wrong with it.
    return Buffer.alloc(0);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function architectureOf(head: Buffer): string | undefined {
  const has = (text: string, offset: number): boolean => head.toString('latin1', offset, offset + text.length) === text;
  // Linux Documentation/arch/x86/boot.rst, header, and Documentation/arch/arm64/booting.rst, magic.
  if (has('HdrS', 0x202)) return 'x86_64';
  if (has('ARM\x64', 0x38)) return 'aarch64';
  // System V ABI, ELF header: EI_CLASS of 64 bits, EI_DATA, e_machine.
  if (!has('\x7fELF\x02', 0) || head.length < 20) return undefined;
  return elfMachines[head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18)];
}

/** The beginning of what was packed with gzip, as arm64 kernels are; nothing where it was not. */
function unpacked(head: Buffer): Buffer {
  try {
    // A head is never whole.
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return Buffer.alloc(0);
  }
}
