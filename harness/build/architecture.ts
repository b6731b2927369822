/** The architecture of the guests, where nobody says another. */
export const defaultArch = 'x86_64';

/** Whole-system emulators of QEMU, as in qemu-system-ARCH. Source: configs/targets of QEMU 5.2 to 11.1. */
const architectures =
  'aarch64 alpha arm avr cris hppa i386 lm32 loongarch64 m68k microblaze microblazeel mips mips64 mips64el mipsel moxie nios2 or1k ppc ppc64 riscv32 riscv64 rx s390x sh4 sh4eb sparc sparc64 tricore unicore32 x86_64 xtensa xtensaeb'.split(
    ' ',
  );

/** A build's name taken apart. */
export interface ArchitectureName {
  /** What it is without its architecture: 'deb:bookworm'. */
  base: string;
  /** Absent where the name says none. */
  arch?: string;
}

/** Reads 'deb:bookworm:ppc64': the architecture stands at the end, as Debian's tools write it, in the word of `qemu-system-ARCH`. */
export function splitArchitecture(name: string): ArchitectureName {
  const [, base = '', arch = ''] = /^(.+):([^:]+)$/.exec(name) ?? [];
  const isSaid = architectures.includes(arch) && base !== 'deb' && base !== 'git';
  return isSaid ? { base, arch } : { base: name };
}

/** The name of a build for that architecture: with no word of it for x86_64, which is meant where none is said. */
export function forArchitecture(name: string, arch: string): string {
  const { base, arch: said } = splitArchitecture(name);
  if (said !== undefined) return name;
  return arch === defaultArch ? base : `${base}:${arch}`;
}
