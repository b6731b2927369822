import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Deadline } from './deadline.js';
import { ConnectError, messageOf, UsageError } from './errors.js';

/** Linux's limit for the path of a unix socket, in bytes (sun_path without its final NUL). */
export const maxSocketPathBytes = 107;

/** Where a server listens: a unix socket's path, or a TCP port on a host. */
export type SocketAddress = { path: string } | { host: string; port: number };

/** Reads `unix:PATH` or `tcp:HOST:PORT`; throws UsageError for anything else. */
export function parseSocketAddress(text: string): SocketAddress {
  const unix = /^unix:(.+)$/s.exec(text)?.[1];
  if (unix !== undefined) return { path: unix };
  const tcp = /^tcp:(.+):(\d{1,5})$/.exec(text);
  if (tcp?.[1] !== undefined && Number(tcp[2]) <= 65535) return { host: tcp[1], port: Number(tcp[2]) };
  throw new UsageError(`'${text}' is no socket address; accepted: unix:PATH or tcp:HOST:PORT`);
}

/** Connects, or throws ConnectError with the address and the system's reason. */
export function dial(address: SocketAddress, deadline: Deadline): Promise<Socket> {
  const name = 'path' in address ? address.path : `${address.host}:${address.port}`;
  return new Promise((resolve, reject) => {
    const socket = connect(address);
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new ConnectError(`${name} did not answer within ${deadline.totalMs} ms`));
    }, deadline.remainingMs);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(new ConnectError(`could not connect to ${name}: ${error.message}`, { cause: error }));
    };
    socket.once('error', fail);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      socket.setNoDelay();
      resolve(socket);
    });
  });
}

/**
 * Listens on a unix socket for the one peer that will connect to it: a QEMU told to connect needs no polling for a socket file.
 * `peer` resolves with the connection and stays pending when nobody comes: race it with the peer's exit.
 * Disposing it closes the socket and the connection.
 */
export class SocketListener implements AsyncDisposable {
  readonly peer: Promise<Socket>;
  private connection: Socket | undefined;

  private constructor(private readonly server: Server) {
    this.peer = new Promise((resolve) => {
      server.once('connection', (socket) => {
        server.close();
        // A peer may die before anybody has taken its connection: that must not end this process. Who takes it finds it destroyed.
        socket.on('error', () => undefined);
        this.connection = socket;
        resolve(socket);
      });
    });
  }

  /** Resolves when it listens; throws ConnectError when the path is too long or cannot be listened on. */
  static async listen(path: string): Promise<SocketListener> {
    if (Buffer.byteLength(path) > maxSocketPathBytes) {
      throw new ConnectError(`the socket path '${path}' is longer than ${maxSocketPathBytes} bytes`);
    }
    const server = createServer();
    const listener = new SocketListener(server);
    server.listen(path);
    try {
      await once(server, 'listening');
    } catch (thrown) {
      throw new ConnectError(`could not listen on ${path}: ${messageOf(thrown)}`, { cause: thrown });
    }
    return listener;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    this.connection?.destroy();
    return Promise.resolve();
  }
}
