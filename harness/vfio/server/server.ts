import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { constants } from 'node:os';
import type { Deadline } from '../../core/deadline.js';
import { ConnectError, messageOf, ProtocolError } from '../../core/errors.js';
import { maxSocketPathBytes } from '../../core/socket.js';
import { Watch } from '../../core/watch.js';
import { Channel } from '../channel.js';
import { encodeMessage, messageFlags, type Message } from '../protocol/message.js';
import { commandName, commands } from '../protocol/numbers.js';
import { dmaAccess, dmaMap, regionAccess } from '../protocol/payloads.js';
import { decodeVersion, encodeVersion, ourVersion } from '../protocol/version.js';
import { answers } from './answers.js';
import { Device, Refusal } from './device.js';
import { type Fault, FaultFinder, type Misdeed, spoil } from './faults.js';
import { defaultModel, type DeviceModel } from './model.js';

const { EINVAL, ENOTSUP } = constants.errno;

/** The most bytes that a server pretends to have read. */
const pretendedBytes = 4096;

/**
 * A vfio-user server with one device, to which QEMU 10.1 and later attach: any number of connections, one device behind them.
 * It sees no file descriptors, so that it reads the client's memory by messages and cannot raise interrupts.
 */
export class VfioUserServer implements AsyncDisposable {
  readonly device: Device;
  /** Every command that comes, before it is answered. */
  readonly received = new Watch<Message>((message) => commandName(message.command));
  private readonly faults: FaultFinder;
  private readonly channels = new Set<Channel>();
  private readonly late = new Set<NodeJS.Timeout>();

  private constructor(
    private readonly server: Server,
    /** The socket that it listens on. */
    readonly path: string,
    { model = {}, faults = [] }: { model?: Partial<DeviceModel>; faults?: readonly Fault[] },
  ) {
    this.device = new Device({ ...defaultModel, ...model });
    this.faults = new FaultFinder(faults);
    server.on('connection', (wire) => this.accept(wire));
  }

  /** Resolves when it listens; throws ConnectError when the path cannot be listened on. */
  static async listen(
    path: string,
    behaviour: { model?: Partial<DeviceModel>; faults?: readonly Fault[] } = {},
  ): Promise<VfioUserServer> {
    if (Buffer.byteLength(path) > maxSocketPathBytes) {
      throw new ConnectError(`the socket path '${path}' is longer than ${maxSocketPathBytes} bytes`);
    }
    const server = createServer();
    const made = new VfioUserServer(server, path, behaviour);
    server.listen(path);
    try {
      await once(server, 'listening');
    } catch (thrown) {
      throw new ConnectError(`could not listen on ${path}: ${messageOf(thrown)}`, { cause: thrown });
    }
    return made;
  }

  /** Reads memory of the client that connected last. Throws RefusedError for an address that it has not mapped. */
  async readMemory(address: bigint, count: number, deadline: Deadline): Promise<Buffer> {
    const channel = [...this.channels].at(-1);
    if (!channel) throw new ConnectError('no client is connected to the vfio-user server');
    const reply = await channel.request(
      commands.DMA_READ,
      dmaAccess.encode({ address, count: BigInt(count) }),
      deadline,
    );
    const { data } = dmaAccess.decode(reply.payload);
    if (data.length !== count) throw new ProtocolError(`${count} bytes were to be read, and ${data.length} came`);
    return data;
  }

  /** Closes every connection and listens no more. */
  stop(): void {
    this.server.close();
    for (const timer of this.late) clearTimeout(timer);
    for (const channel of this.channels) channel.close();
    this.received.end(new ConnectError('the vfio-user server was stopped'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    return Promise.resolve();
  }

  private accept(wire: Socket): void {
    let negotiated = false;
    const mapped = new Set<bigint>();
    const channel: Channel = new Channel(wire, {
      peer: 'the client',
      onCommand: (message) => {
        this.received.publish(message);
        const misdeed = this.faults.find(message.command, message.payload);
        if (misdeed) this.misbehave(channel, message, misdeed);
        else if (this.answer(channel, message, negotiated)) {
          negotiated = true;
          if (message.command === commands.DMA_MAP) mapped.add(dmaMap.decode(message.payload).values.address);
        }
        if (misdeed && message.command === commands.VERSION) negotiated = true;
      },
    });
    this.channels.add(channel);
    void channel.ended.then(() => {
      this.channels.delete(channel);
      // What a client told of its memory ends with it; the device stays as it is.
      for (const address of mapped) this.device.dma.delete(address);
    });
  }

  /** True when the command was done. */
  private answer(channel: Channel, message: Message, negotiated: boolean): boolean {
    try {
      channel.reply(message, this.payloadFor(message, negotiated));
      return true;
    } catch (thrown) {
      if (!(thrown instanceof Refusal) && !(thrown instanceof ProtocolError)) throw thrown;
      channel.refuse(message, thrown instanceof Refusal ? thrown.errno : EINVAL);
      return false;
    }
  }

  private payloadFor({ command, payload }: Message, negotiated: boolean): Buffer {
    if (negotiated !== (command !== commands.VERSION)) throw new Refusal(EINVAL);
    if (command === commands.VERSION) {
      const { major } = decodeVersion(payload);
      if (major !== ourVersion.major) throw new Refusal(EINVAL);
      const capabilities = { ...ourVersion.capabilities, max_data_xfer_size: this.device.model.transferBytes };
      return encodeVersion({ ...ourVersion, capabilities });
    }
    const answer = answers[command];
    if (!answer) throw new Refusal(ENOTSUP);
    return answer(this.device, payload);
  }

  private misbehave(channel: Channel, message: Message, does: Misdeed): void {
    switch (does.kind) {
      case 'refuse':
        return channel.refuse(message, does.errno);
      case 'pretend':
        return channel.reply(message, pretended(message));
      case 'answer':
        return channel.reply(message, does.payload);
      case 'late': {
        const timer = setTimeout(() => {
          this.late.delete(timer);
          this.answer(channel, message, message.command !== commands.VERSION);
        }, does.ms);
        this.late.add(timer);
        return;
      }
      case 'silence':
        return;
      case 'close':
        return channel.close();
      case 'die':
        return this.stop();
      case 'send':
        return channel.send(does.bytes);
      default: {
        const payload = this.payloadFor(message, message.command !== commands.VERSION);
        const { id, command } = message;
        channel.send(spoil(encodeMessage({ id, command, flags: messageFlags.reply, error: 0, payload }), does));
      }
    }
  }
}

/** The payload of an answer to something that was not done. */
function pretended({ command, payload }: Message): Buffer {
  if (command === commands.REGION_READ && payload.length >= regionAccess.bytes) {
    const { values } = regionAccess.decode(payload);
    return regionAccess.encode(values, Buffer.alloc(Math.min(values.count, pretendedBytes)));
  }
  return command === commands.REGION_WRITE ? payload.subarray(0, regionAccess.bytes) : payload;
}
