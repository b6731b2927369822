import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Deadline } from '../../../harness/core/deadline.js';
import type { Machine } from '../../../harness/machine/machine.js';
import { completedMigration } from '../../../harness/migration/completed.js';
import { type Capture, readCapture, sectionsOf } from '../../../harness/stream/capture.js';
import { readStreamFile } from '../../../harness/stream/input.js';
import type { BodyContent } from '../../../harness/stream/section.js';

export interface CaptureWish {
  capabilities?: Record<string, boolean>;
  parameters?: Record<string, unknown>;
  /** 'unix' unless wished otherwise; 'file' for mapped-ram, QEMU 8.2 and later. */
  channel?: 'unix' | 'file';
  /** Called again and again while the migration goes on. */
  meanwhile?: () => Promise<unknown>;
}

/** Migrates a machine into a file in its own folder; the path of the file. */
export async function captureFile(source: Machine, wish: CaptureWish = {}): Promise<string> {
  const path = join(source.options.folder, `${source.label}.mig`);
  const deadline = Deadline.after(30_000);
  const switches = Object.entries({ events: true, ...wish.capabilities });
  await source.qmp.execute<string>('migrate-set-capabilities', {
    capabilities: switches.map(([capability, state]) => ({ capability, state })),
  });
  if (wish.parameters) await source.qmp.execute<string>('migrate-set-parameters', wish.parameters);
  const state = { over: false };
  const completed = completedMigration(source, `the capture of ${source.label}`, deadline).finally(
    () => (state.over = true),
  );
  if (wish.channel === 'file') {
    await source.qmp.execute('migrate', { uri: `file:${path}` });
  } else {
    // Not exec:cat, which QEMU does not wait for: the file would be cut short where the machine is slow.
    const socket = join(source.options.folder, `${source.label}.s`);
    const received = receive(socket);
    await source.qmp.execute('migrate', { uri: `unix:${socket}` });
    while (!state.over && wish.meanwhile) await wish.meanwhile();
    writeFileSync(path, await received);
  }
  await completed;
  return path;
}

/** Everything that the first to connect sends, to its end. */
async function receive(path: string): Promise<Buffer> {
  const server = createServer();
  server.listen(path);
  const [socket] = (await once(server, 'connection')) as [Socket];
  server.close();
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The same, read. */
export async function captured(source: Machine, wish: CaptureWish = {}): Promise<Capture> {
  return readStreamFile(await captureFile(source, wish), (bytes) => readCapture(bytes));
}

/** What all sections of a name hold together. */
export function contentsOf(capture: Capture, name: string): BodyContent {
  const found = sectionsOf(capture).flatMap(({ section }) =>
    section.name === name && section.content ? [section.content] : [],
  );
  const counts: Record<string, number> = {};
  for (const [what, count] of found.flatMap((content) => Object.entries(content.counts)))
    counts[what] = (counts[what] ?? 0) + count;
  const marks = new Map(
    found
      .flatMap((content) => content.marks ?? [])
      .reverse()
      .map((mark) => [mark.name, mark]),
  );
  return { format: found[0]?.format ?? '', counts, marks: [...marks.values()].reverse() };
}
