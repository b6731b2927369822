import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { ConnectError, messageOf } from '../../core/errors.js';
import type { SocketAddress } from '../../core/socket.js';
import { within } from '../../core/within.js';
import type { ChannelFigures } from '../../record/outcome.js';
import { StreamEditor } from '../../stream/edit/editor.js';
import { type ConnectionOptions, RelayedConnection, type Transform } from './connection.js';
import { CutAfter } from './cut-after.js';
import type { RelayPlan } from './plan.js';

export interface RelayOptions {
  plan: RelayPlan;
  /** Where the relay listens: a unix socket's path, or a port of its own choice on loopback. */
  listenOn: { path: string } | { host: string };
  destination: SocketAddress;
  /** Where copies go: what their names begin with. */
  teePath: string;
}

/** Milliseconds in which what a source has sent is read, for a copy that is to be whole. */
const lastBytesMs = 1000;

/**
 * Stands between a source and a destination: the source connects to it, and for each of its connections the relay makes one to the
 * destination. The first is the main channel. Disposing it breaks what is still open and leaves no socket.
 */
export class Relay implements AsyncDisposable {
  private readonly connections: RelayedConnection[] = [];
  private editor: StreamEditor | undefined;

  private constructor(
    private readonly server: Server,
    private readonly options: RelayOptions,
  ) {
    server.on('connection', (socket) => this.take(socket));
  }

  /** Resolves when it listens; throws ConnectError when it cannot. */
  static async listen(options: RelayOptions): Promise<Relay> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const relay = new Relay(server, options);
    const { listenOn } = options;
    server.listen('path' in listenOn ? { path: listenOn.path } : { host: listenOn.host, port: 0 });
    try {
      await once(server, 'listening');
    } catch (thrown) {
      throw new ConnectError(`the relay could not listen: ${messageOf(thrown)}`, { cause: thrown });
    }
    return relay;
  }

  /** What a source is told to migrate to. */
  get uri(): string {
    const address = this.server.address();
    if (address === null) throw new ConnectError('the relay is closed');
    return typeof address === 'string' ? `unix:${address}` : `tcp:${address.address}:${address.port}`;
  }

  /** What went through each connection up to now, the main channel first. */
  get figures(): ChannelFigures[] {
    return this.connections.map(({ figures }) => ({ ...figures }));
  }

  /** Throws StateError when an edit changed nothing. */
  verify(): void {
    this.editor?.verify();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A source that says it is done has sent the last of it, which may not have been read.
    if (this.options.plan.tee === 'whole')
      await within(Promise.all(this.connections.map(({ silence }) => silence)), lastBytesMs);
    for (const connection of this.connections) connection.break();
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
  }

  private take(source: Socket): void {
    const { destination, plan, teePath } = this.options;
    const index = this.connections.length;
    const target = connect({ ...destination, allowHalfOpen: true });
    const transform = index === 0 ? this.transform() : undefined;
    const options: ConnectionOptions = {
      ...(transform && { transform }),
      ...(plan.tee && { tee: `${teePath}${index === 0 ? '' : `-${index}`}.mig`, isWhole: plan.tee === 'whole' }),
      ...(index === 0 && plan.bytesPerSecond !== undefined && { bytesPerSecond: plan.bytesPerSecond }),
    };
    this.connections.push(new RelayedConnection(source, target, options));
    source.resume();
  }

  private transform(): Transform | undefined {
    const { edits = [], cut } = this.options.plan;
    if (cut && 'afterBytes' in cut) return new CutAfter(cut.afterBytes);
    const all = cut ? [...edits, { cut: cut.beforeSection }] : edits;
    if (all.length === 0) return undefined;
    this.editor = new StreamEditor(all);
    return this.editor;
  }
}
