import { constants } from 'node:os';
import { Deadline } from '../core/deadline.js';
import { ProtocolError } from '../core/errors.js';
import { dial } from '../core/socket.js';
import { Channel, type VfioTranscript } from './channel.js';
import { defaultTransferBytes } from './protocol/message.js';
import { commandName, commands } from './protocol/numbers.js';
import * as payloads from './protocol/payloads.js';
import type { Values } from './protocol/struct.js';
import { decodeVersion, encodeVersion, ourVersion, type Version } from './protocol/version.js';

export interface ClientOptions {
  /** For the connection and the negotiation together. */
  deadline: Deadline;
  /** Milliseconds that any later command may take. */
  timeoutMs?: number;
  transcript?: VfioTranscript;
}

/** A region of the device; `flags` are regionFlags, `size` is in bytes. */
export interface Region {
  index: number;
  flags: number;
  size: bigint;
}

/** What SET_IRQS is asked; `flags` are irqSetFlags. */
export interface IrqWish {
  flags: number;
  index: number;
  start: number;
  count: number;
  data?: Buffer;
}

const defaultTimeoutMs = 5000;

/**
 * A connection to a vfio-user server after its negotiation, as a device. It shares no memory: what the server would read of it is refused.
 * Every command throws RefusedError when the server says error, ProtocolError for an answer of another kind or size, ConnectError
 * when the connection ends and WaitTimeoutError when no answer comes.
 */
export class VfioUserClient implements AsyncDisposable {
  private constructor(
    readonly channel: Channel,
    readonly version: Version,
    private readonly timeoutMs: number,
  ) {}

  /** Connects without a word. Throws ConnectError when nobody listens there. */
  static async dial(path: string, { deadline, transcript }: ClientOptions): Promise<Channel> {
    const wire = await dial({ path }, deadline);
    const channel: Channel = new Channel(wire, {
      peer: 'the server',
      // Nothing is mapped: a server that reads or writes our memory means an address that nobody gave it.
      onCommand: (message) => channel.refuse(message, constants.errno.EFAULT),
      ...(transcript && { transcript }),
    });
    return channel;
  }

  /** Connects, and negotiates version 0.0. Throws as any command does. */
  static async open(path: string, options: ClientOptions): Promise<VfioUserClient> {
    return VfioUserClient.start(await VfioUserClient.dial(path, options), options);
  }

  /** Negotiates version 0.0 on a connection on which nothing was said, and owns it from then on. Throws as any command does. */
  static async start(channel: Channel, options: ClientOptions): Promise<VfioUserClient> {
    try {
      const version = await negotiate(channel, ourVersion, options.deadline);
      return new VfioUserClient(channel, version, options.timeoutMs ?? defaultTimeoutMs);
    } catch (thrown) {
      channel.close();
      throw thrown;
    }
  }

  /** The most data that one message may carry, in bytes. */
  get transferBytes(): number {
    return Math.min(this.version.capabilities.max_data_xfer_size ?? defaultTransferBytes, defaultTransferBytes);
  }

  async deviceInfo(): Promise<Values<{ argsz: 4; flags: 4; numRegions: 4; numIrqs: 4 }>> {
    const { deviceInfo } = payloads;
    const asked = deviceInfo.encode({ argsz: deviceInfo.bytes, flags: 0, numRegions: 0, numIrqs: 0 });
    return deviceInfo.decode(await this.command(commands.DEVICE_GET_INFO, asked)).values;
  }

  async regionInfo(index: number): Promise<Region> {
    const { regionInfo } = payloads;
    const argsz = regionInfo.bytes;
    const asked = regionInfo.encode({ argsz, flags: 0, index, capOffset: 0, size: 0n, offset: 0n });
    const { values } = regionInfo.decode(await this.command(commands.DEVICE_GET_REGION_INFO, asked));
    if (values.index !== index) throw new ProtocolError(`region ${index} was asked for, and ${values.index} answered`);
    return { index, flags: values.flags, size: values.size };
  }

  async irqInfo(index: number): Promise<{ index: number; flags: number; count: number }> {
    const { irqInfo } = payloads;
    const asked = irqInfo.encode({ argsz: irqInfo.bytes, flags: 0, index, count: 0 });
    const {
      flags,
      count,
      index: answered,
    } = irqInfo.decode(await this.command(commands.DEVICE_GET_IRQ_INFO, asked)).values;
    if (answered !== index) throw new ProtocolError(`IRQ type ${index} was asked for, and ${answered} answered`);
    return { index, flags, count };
  }

  async setIrqs({ data = Buffer.alloc(0), ...wish }: IrqWish): Promise<void> {
    const argsz = payloads.irqSet.bytes + data.length;
    await this.command(commands.DEVICE_SET_IRQS, payloads.irqSet.encode({ argsz, ...wish }, data));
  }

  /** Reads so many bytes of a region in one message, whatever their number. */
  async read(region: number, offset: number, count: number): Promise<Buffer> {
    const { regionAccess } = payloads;
    const access = { offset: BigInt(offset), region, count };
    const answer = await this.command(commands.REGION_READ, regionAccess.encode(access));
    const { values, data } = regionAccess.decode(answer);
    sameAccess(commands.REGION_READ, access, values);
    if (data.length !== count) throw new ProtocolError(`${count} bytes were to be read, and ${data.length} came`);
    return data;
  }

  /** Writes bytes to a region in one message, whatever their number. */
  async write(region: number, offset: number, data: Uint8Array): Promise<void> {
    const { regionAccess } = payloads;
    const access = { offset: BigInt(offset), region, count: data.length };
    const answer = await this.command(commands.REGION_WRITE, regionAccess.encode(access, data));
    sameAccess(commands.REGION_WRITE, access, regionAccess.decode(answer).values);
  }

  /** Tells of memory that the server may read and write by messages alone; addresses and sizes in bytes. */
  async mapDma(address: bigint, size: bigint): Promise<void> {
    const { dmaMap } = payloads;
    const asked = dmaMap.encode({ argsz: dmaMap.bytes, flags: 3, offset: 0n, address, size });
    await this.command(commands.DMA_MAP, asked);
  }

  async unmapDma(address: bigint, size: bigint): Promise<void> {
    const { dmaUnmap } = payloads;
    await this.command(commands.DMA_UNMAP, dmaUnmap.encode({ argsz: dmaUnmap.bytes, flags: 0, address, size }));
  }

  async reset(): Promise<void> {
    await this.command(commands.DEVICE_RESET, Buffer.alloc(0));
  }

  /** Sends DEVICE_FEATURE, and resolves with the feature's data. @param flags the feature's index, with featureFlags. */
  async feature(flags: number, data: Buffer = Buffer.alloc(0), replyBytes = data.length): Promise<Buffer> {
    const { deviceFeature } = payloads;
    const asked = deviceFeature.encode({ argsz: deviceFeature.bytes + replyBytes, flags }, data);
    return deviceFeature.decode(await this.command(commands.DEVICE_FEATURE, asked)).data;
  }

  /** Sends a command and resolves with the payload of its answer. */
  async command(command: number, payload: Buffer): Promise<Buffer> {
    return (await this.channel.request(command, payload, Deadline.after(this.timeoutMs))).payload;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.channel[Symbol.asyncDispose]();
  }
}

/** Proposes a version, and resolves with the server's answer, which the specification allows. Throws ProtocolError for any other. */
export async function negotiate(channel: Channel, proposed: Version, deadline: Deadline): Promise<Version> {
  const answer = await channel.request(commands.VERSION, encodeVersion(proposed), deadline);
  const version = decodeVersion(answer.payload);
  if (version.major !== proposed.major || version.minor > proposed.minor) {
    const words = ({ major, minor }: Version): string => `${major}.${minor}`;
    throw new ProtocolError(`version ${words(proposed)} was proposed, and the server answered ${words(version)}`);
  }
  return version;
}

function sameAccess(
  command: number,
  asked: { offset: bigint; region: number; count: number },
  answered: { offset: bigint; region: number; count: number },
): void {
  if (asked.offset === answered.offset && asked.region === answered.region && asked.count === answered.count) return;
  const words = (one: typeof asked): string =>
    `${one.count} bytes at 0x${one.offset.toString(16)} of region ${one.region}`;
  throw new ProtocolError(`${commandName(command)} was sent for ${words(asked)}, and answered for ${words(answered)}`);
}
