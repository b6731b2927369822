import { Deadline } from '../../core/deadline.js';
import { ConnectError, messageOf, WaitTimeoutError } from '../../core/errors.js';
import { capabilityIds } from '../../pci/capability-ids.js';
import { findCapability } from '../../pci/registers.js';
import { type Channel, RefusedError } from '../channel.js';
import { VfioUserClient } from '../client.js';
import { headerBytes, messageFlags } from '../protocol/message.js';
import { regions } from '../protocol/numbers.js';
import { showMessage } from '../protocol/show.js';
import { type Finding, Skipped } from './finding.js';

/** The most messages that a finding shows: the last ones. */
const shownMessages = 8;
const configBytes = 256;

/** What a server made of bytes that it should not accept. */
export type Reaction = 'refused' | 'closed' | 'answered' | 'silent';

/** What the checks of one server work with: connections to it, and a place for what they find. */
export class Bench implements AsyncDisposable {
  readonly findings: Finding[] = [];
  readonly notes: string[] = [];
  /** Answers with an error that brought a payload, in any check: the last messages up to the first one of each command. */
  readonly longRefusals = new Map<number, string[]>();
  private exchange: string[] = [];
  private shared: VfioUserClient | undefined;
  private other: VfioUserClient | undefined;
  /** Connections on which nothing was said yet, by path: the first ones, for some servers end with their first client. */
  private readonly unused = new Map<string, Channel>();

  /** @param options.timeoutMs milliseconds that one command may take; `to` is the socket of a second server. */
  constructor(
    readonly path: string,
    readonly options: { timeoutMs: number; to?: string },
  ) {}

  /** Connects to every server that there is. Throws ConnectError where nobody listens. */
  async connect(): Promise<void> {
    for (const path of [this.path, ...(this.options.to === undefined ? [] : [this.options.to])]) {
      this.unused.set(path, await VfioUserClient.dial(path, this.clientOptions()));
    }
  }

  /** Forgets the messages so far: what is found from now on shows those that come now. */
  begin(): void {
    this.exchange = [];
  }

  /** Takes up a new check: what the last one found is gone. */
  next(): void {
    this.begin();
    this.findings.length = 0;
    this.notes.length = 0;
  }

  /** @param exchange the messages that show it: those since `begin` unless told. */
  find(message: string, exchange: readonly string[] = this.exchange): void {
    this.findings.push({ message, exchange: [...exchange] });
  }

  note(message: string): void {
    this.notes.push(message);
  }

  skip(reason: string): never {
    throw new Skipped(reason);
  }

  /** The connection that all well-behaved checks share; opened again where the last one ended. Throws ServerGone when it cannot be. */
  async client(): Promise<VfioUserClient> {
    if (!this.shared || this.shared.channel.closed) this.shared = await this.open(this.path);
    return this.shared;
  }

  /** A connection to the second server. */
  async otherClient(to: string): Promise<VfioUserClient> {
    if (!this.other || this.other.channel.closed) this.other = await this.open(to);
    return this.other;
  }

  /** A connection of its own, negotiated unless said otherwise: the shared one is closed first, for a server may serve but one. */
  async fresh(options: { negotiated: boolean }): Promise<Channel> {
    await this.release();
    if (options.negotiated) return (await this.open(this.path)).channel;
    return this.connected(this.dial(this.path));
  }

  /** Closes the shared connections. */
  async release(): Promise<void> {
    await this.shared?.[Symbol.asyncDispose]();
    await this.other?.[Symbol.asyncDispose]();
    this.shared = this.other = undefined;
  }

  /** The first 256 bytes of configuration space, read in words as every server must allow. */
  async config(client?: VfioUserClient): Promise<Buffer> {
    const from = client ?? (await this.client());
    const words: Buffer[] = [];
    for (let offset = 0; offset < configBytes; offset += 4) words.push(await from.read(regions.config, offset, 4));
    return Buffer.concat(words);
  }

  /** Where the MSI-X capability is; skips the check where there is none. */
  async msixOffset(): Promise<number> {
    const found = findCapability(await this.config(), capabilityIds.msix);
    return found ? found.offset : this.skip('the device has no MSI-X capability');
  }

  /** Does what the server must refuse, and finds that it did not. */
  async mustRefuse(what: string, act: () => Promise<unknown>): Promise<RefusedError | undefined> {
    this.begin();
    try {
      await act();
    } catch (thrown) {
      if (thrown instanceof RefusedError) return thrown;
      throw thrown;
    }
    this.find(`${what} was accepted`);
    return undefined;
  }

  /** Sends bytes on a connection, and says what the server made of them. */
  async reactionTo(channel: Channel, bytes: Buffer): Promise<Reaction> {
    this.begin();
    try {
      const deadline = Deadline.after(this.options.timeoutMs);
      const reply = await channel.exchange(bytes, { id: bytes.readUInt16LE(0), deadline });
      return (reply.flags & messageFlags.error) !== 0 ? 'refused' : 'answered';
    } catch (thrown) {
      if (thrown instanceof WaitTimeoutError) return 'silent';
      if (thrown instanceof ConnectError) return 'closed';
      throw thrown;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const channel of this.unused.values()) channel.close();
    await this.release();
  }

  private open(path: string): Promise<VfioUserClient> {
    const { timeoutMs } = this.options;
    const start = async (): Promise<VfioUserClient> =>
      VfioUserClient.start(await this.dial(path), { ...this.clientOptions(), timeoutMs });
    return this.connected(start());
  }

  private async dial(path: string): Promise<Channel> {
    const channel = this.unused.get(path);
    this.unused.delete(path);
    return channel ?? VfioUserClient.dial(path, this.clientOptions());
  }

  private async connected<T>(opening: Promise<T>): Promise<T> {
    try {
      return await opening;
    } catch (thrown) {
      throw new ServerGone(`the server takes no client: ${messageOf(thrown)}`, { cause: thrown });
    }
  }

  private judgeRefusal(bytes: Buffer): void {
    const command = bytes.readUInt16LE(2);
    const refused = (bytes.readUInt32LE(8) & messageFlags.error) !== 0;
    if (refused && bytes.length > headerBytes && !this.longRefusals.has(command))
      this.longRefusals.set(command, this.exchange.slice(-2));
  }

  private clientOptions(): { deadline: Deadline; transcript: (direction: '>' | '<', bytes: Buffer) => void } {
    return {
      deadline: Deadline.after(this.options.timeoutMs),
      transcript: (direction, bytes) => {
        this.exchange.push(`${direction}${direction} ${showMessage(bytes)}`);
        if (this.exchange.length > shownMessages) this.exchange.shift();
        if (direction === '<') this.judgeRefusal(bytes);
      },
    };
  }
}

/** Nobody can connect and negotiate any more: no later check can say anything. */
export class ServerGone extends ConnectError {}

/** Sets MSI-X Enable, or clears it with Function Mask, as every driver does: 2 bytes, all of Message Control. */
export function enableMsix(client: VfioUserClient, offset: number, enable: boolean): Promise<void> {
  return client.write(regions.config, offset + 2, Buffer.from([0, enable ? 0x80 : 0]));
}
