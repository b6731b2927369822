import type { Duplex } from 'node:stream';
import type { Deadline } from '../core/deadline.js';
import { ConnectError, GodwitError, messageOf, ProtocolError, WaitTimeoutError } from '../core/errors.js';
import { encodeMessage, messageFlags, MessageSplitter, type Message } from './protocol/message.js';
import { commandName, errnoName } from './protocol/numbers.js';

/** Called with every message that goes out ('>') or comes in ('<'), whole, and with the bytes of none that were sent as they are. */
export type VfioTranscript = (direction: '>' | '<', bytes: Buffer) => void;

/** The other side answered a command with an error; `errno` is a UNIX errno value, or 0 where it gave none. */
export class RefusedError extends GodwitError {
  constructor(
    readonly command: number,
    readonly errno: number,
  ) {
    super('execute', `${commandName(command)} was refused with ${errno === 0 ? 'no errno' : errnoName(errno)}`, {
      data: { command: commandName(command), errno },
    });
  }
}

export interface ChannelOptions {
  /** Who is at the other end, in the words of an error: "the server". */
  peer: string;
  /** Called with each command of the other side. What it throws ends the connection. */
  onCommand: (message: Message) => void;
  transcript?: VfioTranscript;
}

interface Awaited {
  /** Undefined where the answer to raw bytes is awaited: then any command will do. */
  command: number | undefined;
  resolve: (reply: Message) => void;
  reject: (error: Error) => void;
}

/**
 * One end of a vfio-user connection: any number of commands in flight, told apart by their ids, and commands from the other side.
 * Source: QEMU docs/interop/vfio-user.rst.
 */
export class Channel implements AsyncDisposable {
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<Error>;
  private readonly awaited = new Map<number, Awaited>();
  private readonly splitter: MessageSplitter;
  private nextId = 1;
  private reason: Error | undefined;
  private tellEnd: (reason: Error) => void = () => undefined;

  constructor(
    private readonly wire: Duplex,
    private readonly options: ChannelOptions,
  ) {
    this.ended = new Promise((resolve) => (this.tellEnd = resolve));
    this.splitter = new MessageSplitter((message, bytes) => this.receive(message, bytes));
    wire.on('data', (chunk: Buffer) => this.take(chunk));
    wire.on('error', (error) =>
      this.end(this.closing(`the connection to ${options.peer} broke: ${error.message}`, error)),
    );
    wire.on('end', () => this.end(this.closing(`${options.peer} closed the connection`)));
    wire.on('close', () => this.end(this.closing(`${options.peer} closed the connection`)));
    if (wire.destroyed) this.end(this.closing(`${options.peer} closed the connection`));
  }

  /** True when nothing can be sent any more. */
  get closed(): boolean {
    return this.reason !== undefined;
  }

  /**
   * Sends a command and resolves with the reply. Throws RefusedError for one that says error, ProtocolError for one that means
   * something else, ConnectError when the connection ends first, and WaitTimeoutError when the deadline passes first: then it is closed.
   */
  async request(command: number, payload: Buffer, deadline: Deadline): Promise<Message> {
    const id = this.takeId();
    const bytes = encodeMessage({ id, command, flags: messageFlags.command, error: 0, payload });
    const reply = await this.exchange(bytes, { id, command, deadline });
    if ((reply.flags & messageFlags.error) !== 0) throw new RefusedError(command, reply.error);
    return reply;
  }

  /** Sends bytes as they are, and resolves with the reply of that id, whatever it says; otherwise as `request`. */
  exchange(bytes: Buffer, about: { id: number; command?: number; deadline: Deadline }): Promise<Message> {
    const { id, command, deadline } = about;
    if (this.reason) return Promise.reject(this.reason);
    const what = command === undefined ? 'the message' : commandName(command);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const held = this.splitter.unfinished;
        const half = held ? `; ${held.held} bytes of a message of ${held.wanted} had come` : '';
        this.end(
          new WaitTimeoutError(`${this.options.peer} did not answer ${what} within ${deadline.totalMs} ms${half}`),
        );
        this.wire.destroy();
      }, deadline.remainingMs);
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        this.awaited.delete(id);
        finish();
      };
      this.awaited.set(id, {
        command,
        resolve: (reply) => settle(() => resolve(reply)),
        reject: (error) => settle(() => reject(error)),
      });
      this.send(bytes);
    });
  }

  /** Sends bytes that nobody awaits an answer to. */
  send(bytes: Buffer): void {
    if (this.reason) return;
    this.options.transcript?.('>', bytes);
    this.wire.write(bytes);
  }

  /** Answers a command, unless it said that it wants no answer. */
  reply({ id, command, flags }: Message, payload: Buffer): void {
    if ((flags & messageFlags.noReply) !== 0) return;
    this.send(encodeMessage({ id, command, flags: messageFlags.reply, error: 0, payload }));
  }

  /** Answers a command with an error. */
  refuse({ id, command, flags }: Message, errno: number): void {
    if ((flags & messageFlags.noReply) !== 0) return;
    const answer = messageFlags.reply | messageFlags.error;
    this.send(encodeMessage({ id, command, flags: answer, error: errno, payload: Buffer.alloc(0) }));
  }

  /** An id that nobody awaits an answer to. */
  takeId(): number {
    while (this.awaited.has(this.nextId)) this.nextId = (this.nextId + 1) & 0xffff;
    const id = this.nextId;
    this.nextId = (this.nextId + 1) & 0xffff;
    return id;
  }

  /** Closes the connection; whoever awaits an answer gets ConnectError. */
  close(): void {
    this.end(new ConnectError('the connection was closed on this side'));
    this.wire.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  private take(chunk: Buffer): void {
    if (this.reason) return;
    try {
      this.splitter.push(chunk);
    } catch (thrown) {
      const words = `${this.options.peer} broke the protocol: ${messageOf(thrown)}`;
      this.end(thrown instanceof ProtocolError ? new ProtocolError(words, { cause: thrown }) : (thrown as Error));
      this.wire.destroy();
    }
  }

  private receive(message: Message, bytes: Buffer): void {
    if (this.reason) return;
    this.options.transcript?.('<', bytes);
    const { id, command, flags } = message;
    const type = flags & messageFlags.type;
    if (type === messageFlags.command) return this.options.onCommand(message);
    if (type !== messageFlags.reply) {
      throw new ProtocolError(`a message of type ${type} came; 0 (command) and 1 (reply) are accepted`);
    }
    const waiting = this.awaited.get(id);
    if (!waiting) {
      const ids = [...this.awaited.keys()].join(', ');
      throw new ProtocolError(
        `a reply to ${commandName(command)} came with the id ${id}; ${ids === '' ? 'none is awaited' : `awaited: ${ids}`}`,
      );
    }
    if (waiting.command !== undefined && waiting.command !== command) {
      const asked = commandName(waiting.command);
      throw new ProtocolError(`the reply with the id ${id} is to ${commandName(command)}, and ${asked} was sent`);
    }
    waiting.resolve(message);
  }

  private closing(words: string, cause?: Error): ConnectError {
    const half = this.splitter.unfinished;
    const where = half ? ` in the middle of a message: ${half.held} bytes of ${half.wanted} had come` : '';
    return new ConnectError(`${words}${where}`, { cause });
  }

  private end(reason: Error): void {
    if (this.reason) return;
    this.reason = reason;
    for (const waiting of [...this.awaited.values()]) waiting.reject(reason);
    this.tellEnd(reason);
  }
}
