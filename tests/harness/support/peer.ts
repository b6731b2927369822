import type { Socket } from 'node:net';
import { join } from 'node:path';
import { Deadline } from '../../../harness/core/deadline.js';
import { dial, SocketListener } from '../../../harness/core/socket.js';
import { PrivateFolder } from '../../../harness/machine/private-folder.js';

/** Both ends of one unix socket, for a test that plays the QEMU at `there`. */
export class SocketPair implements AsyncDisposable {
  private constructor(
    private readonly folder: PrivateFolder,
    readonly here: Socket,
    readonly there: Socket,
  ) {}

  static async open(): Promise<SocketPair> {
    const folder = PrivateFolder.create();
    const path = join(folder.path, 'peer');
    const listener = await SocketListener.listen({ path });
    const here = await dial({ path }, Deadline.after(5000));
    return new SocketPair(folder, here, await listener.peer);
  }

  /** The lines that come to `there`, one call each. */
  onLine(answer: (line: string) => void): void {
    let rest = '';
    this.there.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      lines.forEach(answer);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.here.destroy();
    this.there.destroy();
    this.folder[Symbol.dispose]();
    return Promise.resolve();
  }
}
