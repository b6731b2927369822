import { connect, createServer, type Socket } from 'node:net';
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
 * Resolves when it listens; `peer` resolves with the connection and stays pending when nobody comes: race it with the peer's exit.
 */
export class SocketListener implements AsyncDisposable {
  readonly peer: Promise<Socket>;

  private constructor(
    private readonly server: ReturnType<typeof createServer>,
    peer: Promise<Socket>,
  ) {
    this.peer = peer;
  }

  /** @throws ConnectError when the path is too long or cannot be listened on. */
  static listen(path: string): Promise<SocketListener> {
    if (Buffer.byteLength(path) > maxSocketPathBytes) {
      throw new ConnectError(`the socket path '${path}' is longer than ${maxSocketPathBytes} bytes`);
    }
    return new Promise((resolve, reject) => {
      const server = createServer();
      const peer = new Promise<Socket>((accepted) => {
        server.once('connection', (socket) => {
          server.close();
          accepted(socket);
        });
      });
      server.once('error', (error) => {
        reject(new ConnectError(`could not listen on ${path}: ${messageOf(error)}`, { cause: error }));
      });
      server.listen(path, () => resolve(new SocketListener(server, peer)));
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    return Promise.resolve();
  }
}
