import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Listens on a port of the loopback interface for the one peer that comes from the nested guest. Disposing it closes both. */
export class TcpListener implements Disposable {
  readonly peer: Promise<Socket>;
  private connection: Socket | undefined;

  private constructor(private readonly server: Server) {
    this.peer = new Promise((resolve) => {
      server.once('connection', (socket) => {
        server.close();
        socket.setNoDelay();
        // A QEMU that is killed resets its sockets.
        socket.on('error', () => undefined);
        this.connection = socket;
        resolve(socket);
      });
    });
  }

  static async listen(): Promise<TcpListener> {
    const server = createServer();
    const listener = new TcpListener(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return listener;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  [Symbol.dispose](): void {
    this.server.close();
    this.connection?.destroy();
  }
}

/** Connects two wires for good: what comes on one goes out on the other, and they close together. */
export function join(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to);
    from.on('error', () => undefined);
    from.on('close', () => to.destroy());
  }
}
