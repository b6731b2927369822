import { writeFile } from 'node:fs/promises';
import { Deadline } from '../../core/deadline.js';
import { messageOf } from '../../core/errors.js';
import { assemble, bytesPath, renderBytes } from './assemble.js';

/** Writes x86-64.ts anew from x86-64.s, with the as and ld of this host. */
async function main(): Promise<void> {
  const bytes = await assemble({ as: ['as'], ld: ['ld'] }, Deadline.after(30_000));
  await writeFile(bytesPath, renderBytes(bytes));
  process.stdout.write(`${bytesPath}: ${bytes.length} bytes\n`);
}

main().catch((thrown: unknown) => {
  process.stderr.write(`generate: ${messageOf(thrown)}\n`);
  process.exitCode = 3;
});
