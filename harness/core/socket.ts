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
  const name = nameOf(address);
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
 * Makes a server listen, and resolves with where it does: on a free port for port 0. Throws ConnectError when the path is too long or the
 * address cannot be listened on.
 */
export async function listenOn(server: Server, address: SocketAddress): Promise<SocketAddress> {
  if ('path' in address && Buffer.byteLength(address.path) > maxSocketPathBytes) {
    throw new ConnectError(`the socket path '${address.path}' is longer than ${maxSocketPathBytes} bytes`);
  }
  server.listen(address);
  try {
    await once(server, 'listening');
  } catch (thrown) {
    throw new ConnectError(`could not listen on ${nameOf(address)}: ${messageOf(thrown)}`, { cause: thrown });
  }
  const now = server.address();
  return 'path' in address || now === null || typeof now === 'string' ? address : { ...address, port: now.port };
}

/**
 * Listens for the one peer that will connect, on a unix socket or on a TCP port: a QEMU told to connect needs no polling for a socket file.
 * `peer` resolves with the connection and stays pending when nobody comes: race it with the peer's exit.
 * Disposing it closes the socket and the connection.
 */
export class SocketListener implements AsyncDisposable {
  readonly peer: Promise<Socket>;
  private connection: Socket | undefined;

  private constructor(
    private readonly server: Server,
    /** Where a peer finds it, with the port that it has. */
    readonly address: SocketAddress,
  ) {
    this.peer = new Promise((resolve) => {
      server.once('connection', (socket) => {
        server.close();
        socket.setNoDelay();
        // A peer may die before anybody has taken its connection: that must not end this process. Who takes it finds it destroyed.
        socket.on('error', () => undefined);
        this.connection = socket;
        resolve(socket);
      });
    });
  }

  /** Resolves when it listens, as `listenOn` does and throws. */
  static async listen(address: SocketAddress): Promise<SocketListener> {
    const server = createServer();
    return new SocketListener(server, await listenOn(server, address));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    this.connection?.destroy();
    return Promise.resolve();
  }
}

function nameOf(address: SocketAddress): string {
  return 'path' in address ? address.path : `${address.host}:${address.port}`;
}
