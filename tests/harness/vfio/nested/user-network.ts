import { ProtocolError, UsageError } from '../../../../harness/core/errors.js';
import type { SocketAddress } from '../../../../harness/core/socket.js';
import type { Machine } from '../../../../harness/machine/machine.js';

const loopback = '127.0.0.1';
/** The host as the guest reaches it; what listens on the host's loopback answers there. */
const gateway = '10.0.2.2';
const netdev = 'net0';

/** A TCP port. */
export type Port = Extract<SocketAddress, { port: number }>;

/** A way into the guest. Disposing it closes it for whoever comes later. */
export interface Forwarded extends AsyncDisposable {
  /** Where somebody in the guest has to listen. */
  inside: Port;
  /** Where whoever connects on the host then reaches them. */
  outside: Port;
}

/** QEMU's user network (`-netdev user`) between the host and a guest, for whoever carries sockets over it. */
export class UserNetwork {
  /** The guest's address. */
  static readonly guest = '10.0.2.15';
  /** What a machine of it has on its command line. */
  static readonly words: readonly string[] = [
    ...['-netdev', `user,id=${netdev}`],
    ...['-device', `virtio-net-pci,netdev=${netdev},romfile=`],
  ];

  private lastPort = 1023;

  constructor(private readonly machine: Machine) {}

  /** A free port of the host's loopback, to listen on for somebody in the guest. */
  get freePort(): Port {
    return { host: loopback, port: 0 };
  }

  /** How the guest reaches who listens at a port of the host's loopback. Throws UsageError for a unix socket. */
  outward(address: SocketAddress): Port {
    if ('path' in address) throw new UsageError(`${address.path} is no TCP port, and a guest reaches only those`);
    return { host: gateway, port: address.port };
  }

  /** Opens a way to a port of the guest that nobody has had yet. Throws ProtocolError when QEMU does not say where it begins. */
  async forward(): Promise<Forwarded> {
    const port = (this.lastPort += 1);
    const said = await this.monitor(`hostfwd_add ${netdev} tcp:${loopback}:0-${UserNetwork.guest}:${port}`);
    const table = await this.monitor('info usernet');
    const row = table.split('\n').find((line) => line.includes('HOST_FORWARD') && wordsOf(line)[5] === String(port));
    const outside = Number(row && wordsOf(row)[3]);
    if (!(outside > 0))
      throw new ProtocolError(
        `QEMU forwards nothing to port ${port} of the nested guest: ${said.trim() || table.trim()}`,
      );
    return {
      inside: { host: UserNetwork.guest, port },
      outside: { host: loopback, port: outside },
      [Symbol.asyncDispose]: async () => {
        // A network that has ended leads nowhere any more.
        await this.monitor(`hostfwd_remove ${netdev} tcp:${loopback}:${outside}`).catch(() => undefined);
      },
    };
  }

  private monitor(command: string): Promise<string> {
    return this.machine.qmp.execute('human-monitor-command', { 'command-line': command });
  }
}

/** Protocol, file descriptor, address and port here, address and port there, … */
function wordsOf(row: string): string[] {
  return row.trim().split(/\s+/);
}
