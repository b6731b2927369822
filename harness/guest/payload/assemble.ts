import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runChild } from '../../build/child.js';
import type { Deadline } from '../../core/deadline.js';
import { BuildError } from '../../core/errors.js';
import { packageRoot } from '../../core/package-root.js';
import { PrivateFolder } from '../../machine/private-folder.js';

/** How to call GNU as and ld for x86-64: a path, or a loader with its words and a path. */
export interface Binutils {
  as: readonly string[];
  ld: readonly string[];
}

/** Where in the project the bytes lie, and where their source. */
export const bytesPath: string = join(packageRoot, 'harness/guest/payload/x86-64.ts');
const sourcePath = join(packageRoot, 'harness/guest/payload/x86-64.s');

/** Where the first byte of the source lies in memory; the last one is the last below 1 MiB. */
const origin = '0xffc00';

/** The end of the ROM image, assembled from its source. Throws BuildError with what a tool said. */
export async function assemble({ as, ld }: Binutils, deadline: Deadline): Promise<Buffer> {
  using folder = PrivateFolder.create();
  const object = join(folder.path, 'x86-64.o');
  const image = join(folder.path, 'x86-64.bin');
  const commands = [
    // Some distributions have as describe the instruction set in a section of its own, which would end up in the image.
    [...as, '--64', '-mx86-used-note=no', '-o', object, sourcePath],
    [...ld, '-m', 'elf_x86_64', '-Ttext', origin, '--entry', '0', '--oformat', 'binary', '-o', image, object],
  ];
  for (const command of commands) {
    const { exitCode, stderr, summary } = await runChild(command, { deadline });
    if (exitCode !== 0) throw new BuildError(`${command[0]} did not take the payload guest: ${stderr || summary}`);
  }
  return await readFile(image);
}

/** The text of x86-64.ts for these bytes. */
export function renderBytes(bytes: Buffer): string {
  const lines = bytes.toString('hex').match(/.{1,64}/g) ?? [];
  return `// Made by generate.ts from x86-64.s; never edited by hand.

const romBytes = 0x10000;

/** The end of the image. */
const code = \`
${lines.map((line) => `  ${line}`).join('\n')}
\`;

/** The payload guest as a ROM image for \`-bios\`, for any x86 PC machine type with a first serial port; x86-64.s says what it does. */
export function x86Rom(): Buffer {
  const bytes = Buffer.from(code.replaceAll(/\\s/g, ''), 'hex');
  return Buffer.concat([Buffer.alloc(romBytes - bytes.length), bytes]);
}
`;
}
