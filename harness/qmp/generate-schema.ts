import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { GodwitError, messageOf, ProtocolError, UsageError } from '../core/errors.js';
import { packageRoot } from '../core/package-root.js';
import { renderSchema } from './render-schema.js';
import { schemaEntry, type SchemaEntry, type SchemaOfBuild } from './schema-graph.js';

const greeting = z.object({
  QMP: z.object({ version: z.object({ qemu: z.object({ major: z.number(), minor: z.number() }) }) }),
});
const schemaReply = z.object({ return: z.array(schemaEntry) });

/** Starts the QEMU binary, or a script that starts one, asks it for its QMP schema and ends it. */
async function readSchema(executable: string): Promise<SchemaOfBuild> {
  const args = ['-machine', 'none', '-nodefaults', '-display', 'none', '-qmp', 'stdio'];
  const qemu = execa(executable, args, { stdin: 'pipe', timeout: 30_000, reject: false });
  const send = (command: string): boolean => qemu.stdin.write(`{"execute": "${command}"}\n`);
  qemu.stdin.on('error', () => undefined); // A QEMU that has gone is told by its exit status below.
  send('qmp_capabilities');
  send('query-qmp-schema');
  let version: string | undefined;
  let entries: SchemaEntry[] | undefined;
  for await (const line of qemu) {
    const message = parseLine(line);
    const greeted = greeting.safeParse(message).data?.QMP.version.qemu;
    if (greeted) version = `${greeted.major}.${greeted.minor}`;
    const reply = schemaReply.safeParse(message).data;
    if (!reply) continue;
    entries = reply.return;
    // Not earlier: QEMU drops what it has not written yet when it quits.
    send('quit');
  }
  const { shortMessage, stderr } = await qemu;
  if (version === undefined || !entries) {
    throw new ProtocolError(`${executable} did not answer query-qmp-schema: ${shortMessage ?? ''} ${stderr}`.trim());
  }
  return { version, entries };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function main(executables: string[]): Promise<void> {
  if (executables.length === 0) throw new UsageError('name one or more QEMU executables, one for each version');
  const schemas = await Promise.all(executables.map(readSchema));
  const twice = schemas.find(({ version }, index) => schemas.findIndex((other) => other.version === version) < index);
  if (twice) throw new UsageError(`two of the executables are QEMU ${twice.version}; name one for each version`);
  const file = join(packageRoot, 'harness/qmp/schema.ts');
  await writeFile(file, renderSchema(schemas));
  process.stdout.write(`${file}: QMP of QEMU ${schemas.map(({ version }) => version).join(', ')}\n`);
}

main(process.argv.slice(2)).catch((thrown: unknown) => {
  process.stderr.write(`generate-schema: ${messageOf(thrown)}\n`);
  process.exitCode = thrown instanceof GodwitError && thrown.code === 'usage' ? 2 : 3;
});
