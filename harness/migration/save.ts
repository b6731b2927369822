import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Deadline } from '../core/deadline.js';
import { SocketListener } from '../core/socket.js';
import type { Machine } from '../machine/machine.js';
import { completedMigration } from './completed.js';
import { configure, fullSpeed } from './plan.js';

/**
 * Saves a machine into a file, from which another of the same spec comes up (`LaunchOptions.inherits`). Through a socket, because QEMU
 * knows `file:` from 8.2 on only and does not wait for what `exec:` starts. The machine has stopped when this resolves.
 * Throws WaitImpossibleError when QEMU cannot save it, and what the host says when the file cannot be written.
 */
export async function saveMachine(machine: Machine, path: string, deadline: Deadline): Promise<void> {
  const { qmp, options, label } = machine;
  const socket = join(options.folder, `${label}.save`);
  await using listener = await SocketListener.listen({ path: socket });
  await configure(machine, { parameters: { 'max-bandwidth': fullSpeed } });
  await qmp.execute('stop');
  const saved = completedMigration(machine, `the end of saving the ${label} QEMU`, deadline);
  const written = listener.peer.then((wire) => pipeline(wire, createWriteStream(path, { mode: 0o600 })));
  // Where QEMU refuses to begin, nobody awaits it.
  written.catch(() => undefined);
  await qmp.execute('migrate', { uri: `unix:${socket}` });
  await saved;
  await written;
}

/**
 * Brings a machine up from the saved one that it inherits. It stays paused, and announces its network cards no more than once, there and
 * then: it has not moved, and a card that is plugged in soon would take part in later rounds, at a time when the machine may have been
 * saved again. Without any round a virtio-net card is left without its timer, and QEMU dies when the guest resets it (hw/net/virtio-net.c,
 * virtio_net_post_load_device() and virtio_net_reset(), in 7.2.22; seen on 10.0.13 as well).
 * Throws WaitImpossibleError when QEMU cannot load it.
 */
export async function restoreMachine(machine: Machine, deadline: Deadline): Promise<void> {
  await configure(machine, { parameters: { 'announce-rounds': 1 } });
  const restored = completedMigration(machine, `the ${machine.label} QEMU to come up from a saved one`, deadline);
  await machine.qmp.execute('migrate-incoming', { uri: inheritedUri(machine) });
  await restored;
}

/** The file that a machine inherits, as a channel. A file descriptor of a file is no such channel any more in 11.1.3, and `file:` is one from 8.2 on. */
function inheritedUri({ spec }: Machine): string {
  const { major, minor } = spec.build.version;
  return major > 8 || (major === 8 && minor >= 2) ? 'file:/proc/self/fd/3' : 'fd:3';
}
