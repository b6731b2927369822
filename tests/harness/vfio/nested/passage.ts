import { connect, createServer, type Server, type Socket } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';
import { LineSplitter } from '../../../../harness/core/lines.js';
import { listenOn, type SocketAddress } from '../../../../harness/core/socket.js';

/** Changes a line that comes back through a passage. */
export type LineEdit = (line: string) => Promise<string>;

export interface PassageOptions {
  /** Where it listens; a free port for port 0. */
  from: SocketAddress;
  /** Whom it connects each of its peers to. */
  to: SocketAddress;
  /** Where what comes back is lines: what becomes of each. Its failure closes the connection. */
  edit?: LineEdit;
}

/**
 * Connects whoever comes to one address with whoever listens at another, as often as somebody comes. Each has of the other all that was sent, and
 * the end of it, and may answer until it ends too; where nobody listens, who came finds the connection closed. Disposing it breaks what is open.
 */
export class Passage implements AsyncDisposable {
  private readonly open = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    /** Where it listens. */
    readonly address: SocketAddress,
    private readonly options: PassageOptions,
  ) {
    server.on('connection', (peer) => this.take(peer));
  }

  /** Resolves when it listens; throws ConnectError when it cannot. */
  static async lead(options: PassageOptions): Promise<Passage> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    return new Passage(server, await listenOn(server, options.from), options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    for (const socket of this.open) socket.destroy();
    return Promise.resolve();
  }

  private take(peer: Socket): void {
    const { to, edit } = this.options;
    const target = connect({ ...to, allowHalfOpen: true });
    for (const [socket, other] of [
      [peer, target],
      [target, peer],
    ] as const) {
      this.open.add(socket);
      socket.setNoDelay();
      // A QEMU that is killed resets its sockets.
      socket.on('error', () => undefined);
      // What is on its way to the other one is still sent.
      socket.on('close', () => {
        this.open.delete(socket);
        other.destroySoon();
      });
    }
    peer.pipe(target);
    if (edit) target.pipe(new EditedLines(edit).on('error', () => peer.destroy())).pipe(peer);
    else target.pipe(peer);
  }
}

/** Passes lines on in their order, each as it is made. */
class EditedLines extends Transform {
  private readonly whole: string[] = [];
  private readonly lines = new LineSplitter((line) => this.whole.push(line));

  constructor(private readonly edit: LineEdit) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    this.lines.push(chunk);
    this.passOn(this.whole.splice(0)).then(() => done(), done);
  }

  private async passOn(lines: readonly string[]): Promise<void> {
    for (const line of lines) this.push(`${await this.edit(line)}\n`);
  }
}
