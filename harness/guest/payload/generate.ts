import { writeFile } from 'node:fs/promises';
import { findOnPath } from '../../build/child.js';
import { Deadline } from '../../core/deadline.js';
import { messageOf } from '../../core/errors.js';
import { assemble, bytesPath, gnuPrefix, payloadArchs, renderBytes } from './assemble.js';

/** Writes the bytes of every payload guest anew from its source, with the binutils of this host: those for its architecture, where there are any. */
async function main(): Promise<void> {
  for (const arch of payloadArchs) {
    const call = (tool: string): string[] => [findOnPath(`${gnuPrefix(arch)}${tool}`) ?? tool];
    const tools = { as: call('as'), ld: call('ld'), objcopy: call('objcopy') };
    const bytes = await assemble(arch, tools, Deadline.after(30_000));
    await writeFile(bytesPath(arch), renderBytes(arch, bytes));
    process.stdout.write(`${bytesPath(arch)}: ${bytes.length} bytes\n`);
  }
}

main().catch((thrown: unknown) => {
  process.stderr.write(`generate: ${messageOf(thrown)}\n`);
  process.exitCode = 3;
});
