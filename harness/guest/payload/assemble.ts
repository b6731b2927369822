import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runChild } from '../../build/child.js';
import type { Deadline } from '../../core/deadline.js';
import { BuildError } from '../../core/errors.js';
import { packageRoot } from '../../core/package-root.js';
import { PrivateFolder } from '../../machine/private-folder.js';

/** How to call GNU binutils for one architecture: a path, or a loader with its words and a path. */
export interface Binutils {
  as: readonly string[];
  ld: readonly string[];
  objcopy: readonly string[];
}

/** The architectures that there is a guest of a few hundred bytes for, as in `qemu-system-ARCH`: payload guests, and for ppc64 the RTAS guest. */
export type PayloadArch = 'x86_64' | 'aarch64' | 'ppc64';

interface PayloadSource {
  /** Its files, without extension, from the folder of the payload guests. */
  name: string;
  /** What binutils call the architecture, where it is something else. */
  gnu?: string;
  as: readonly string[];
  ld: readonly string[];
  /** The text of the file with the bytes, for these lines. */
  render: (lines: string) => string;
}

const sources: Readonly<Record<PayloadArch, PayloadSource>> = {
  x86_64: {
    name: 'x86-64',
    // Some distributions have as describe the instruction set in a section of its own, which would end up in the image.
    as: ['--64', '-mx86-used-note=no'],
    // Where the first byte of the source lies in memory; the last one is the last below 1 MiB.
    ld: ['-m', 'elf_x86_64', '-Ttext', '0xffc00'],
    render: renderX86,
  },
  aarch64: {
    name: 'aarch64',
    as: ['-march=armv8-a'],
    ld: ['-m', 'aarch64linux', '-Ttext', '0'],
    render: renderAarch64,
  },
  ppc64: {
    name: '../rtas/ppc64',
    gnu: 'powerpc64',
    as: ['-a64', '-mbig', '-mpower9', '-mregnames'],
    // Where the processor starts.
    ld: ['-m', 'elf64ppc', '-Ttext', '0x100'],
    render: renderPpc64,
  },
};

/** What the names of the programs begin with that know an architecture: "powerpc64-linux-gnu-". */
export function gnuPrefix(arch: PayloadArch): string {
  return `${sources[arch].gnu ?? arch}-linux-gnu-`;
}

/** Every architecture that there is such a guest for. */
export const payloadArchs = Object.keys(sources) as PayloadArch[];

/** Where in the project the bytes lie. */
export function bytesPath(arch: PayloadArch): string {
  return pathOf(`${sources[arch].name}.ts`);
}

/** The code of an image, assembled from its source. Throws BuildError with what a tool said. */
export async function assemble(arch: PayloadArch, { as, ld, objcopy }: Binutils, deadline: Deadline): Promise<Buffer> {
  using folder = PrivateFolder.create();
  const { name, ...words } = sources[arch];
  const object = join(folder.path, 'guest.o');
  const linked = join(folder.path, 'guest.elf');
  const image = join(folder.path, 'guest.bin');
  const commands = [
    [...as, ...words.as, '-o', object, pathOf(`${name}.s`)],
    [...ld, ...words.ld, '--entry', '0', '-o', linked, object],
    // ld for arm64 writes nothing but ELF.
    [...objcopy, '-O', 'binary', '-j', '.text', linked, image],
  ];
  for (const command of commands) {
    const { exitCode, stderr, summary } = await runChild(command, { deadline });
    if (exitCode !== 0) throw new BuildError(`${command[0]} did not take the payload guest: ${stderr || summary}`);
  }
  return await readFile(image);
}

/** The text of the file at `bytesPath` for these bytes. */
export function renderBytes(arch: PayloadArch, bytes: Buffer): string {
  const lines = bytes.toString('hex').match(/.{1,64}/g) ?? [];
  return sources[arch].render(lines.map((line) => `  ${line}`).join('\n'));
}

function pathOf(file: string): string {
  return join(packageRoot, 'harness/guest/payload', file);
}

function renderX86(lines: string): string {
  return `// Made by generate.ts from x86-64.s; never edited by hand.

const romBytes = 0x10000;

/** The end of the image. */
const code = \`
${lines}
\`;

/** The payload guest as a ROM image for \`-bios\`, for any x86 PC machine type with a first serial port; x86-64.s says what it does. */
export function x86Rom(): Buffer {
  const bytes = Buffer.from(code.replaceAll(/\\s/g, ''), 'hex');
  return Buffer.concat([Buffer.alloc(romBytes - bytes.length), bytes]);
}
`;
}

function renderAarch64(lines: string): string {
  return `// Made by generate.ts from aarch64.s; never edited by hand.

const code = \`
${lines}
\`;

/** The payload guest as an image for \`-bios\`, for any virt machine type with a first serial port; aarch64.s says what it does. */
export function aarch64Image(): Buffer {
  return Buffer.from(code.replaceAll(/\\s/g, ''), 'hex');
}
`;
}

function renderPpc64(lines: string): string {
  return `// Made by ../payload/generate.ts from ppc64.s; never edited by hand.

/** Where the processor starts. */
const entry = 0x100;

const code = \`
${lines}
\`;

/** The RTAS guest as an image for \`-bios\`, for any pseries machine type with a first serial port; ppc64.s says what it does. */
export function ppc64Image(): Buffer {
  return Buffer.concat([Buffer.alloc(entry), Buffer.from(code.replaceAll(/\\s/g, ''), 'hex')]);
}
`;
}
