import type { Duplex } from 'node:stream';
import type { Deadline } from '../core/deadline.js';
import { ConnectError, ProtocolError, StateError, WaitTimeoutError, messageOf } from '../core/errors.js';
import { LineSplitter } from '../core/lines.js';
import { dial, parseSocketAddress } from '../core/socket.js';
import { Watch } from '../core/watch.js';
import { ExecuteError, ExecuteInterruptedError } from './errors.js';
import { parseMessage, type QmpEvent, type QmpGreeting, type QmpMessage } from './messages.js';
import type { QmpCommands } from './schema.js';

/** Called with every line that goes out ('>') or comes in ('<'). */
export type Transcript = (direction: '>' | '<', line: string) => void;

export interface QmpClientOptions {
  deadline: Deadline;
  transcript?: Transcript;
  /**
   * Negotiates out-of-band commands where QEMU offers them. It costs every command a third of its speed, for QEMU then reads in
   * one thread and executes in another.
   */
  outOfBand?: boolean;
  /** Milliseconds that a command may take when it has no deadline of its own. */
  commandTimeoutMs?: number;
}

export interface ExecuteOptions {
  deadline?: Deadline;
  /** Run ahead of everything queued, in the monitor's own thread; only commands that QEMU allows (`migrate-recover`, …). */
  outOfBand?: boolean;
}

/** The `arguments` of a command: as in the schema, or anything for a command that the schema does not know. */
export type Arguments<C extends string> = C extends keyof QmpCommands ? QmpCommands[C]['arguments'] : object;
/** The `return` of a command, or unknown for a command that the schema does not know. */
export type Return<C extends string> = C extends keyof QmpCommands ? QmpCommands[C]['return'] : unknown;

interface Pending {
  command: string;
  timeoutMs: number;
  /** When it is given up, on the clock of performance.now(). */
  expiresMs: number;
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

const defaultCommandTimeoutMs = 10_000;

/**
 * A QMP connection after its negotiation: any number of commands in flight, events for whoever watches.
 * Source: QEMU docs/interop/qmp-spec.rst.
 */
export class QmpClient implements AsyncDisposable {
  /** Every event; it ends with ConnectError when the connection does. Register the wait, then act. */
  readonly events = new Watch<QmpEvent>((seen) => `${seen.event} ${JSON.stringify(seen.data ?? {})}`);

  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  /** The command that was sent without an id and is not answered yet, also when it was given up: until then all others have one. */
  private unnamed: number | undefined;
  /** One timer for all commands, set for the first that may be given up: a timer for each would cost more than the rest of the client. */
  private watchdog: NodeJS.Timeout | undefined;
  private nextExpiryMs = Infinity;
  private closed: ConnectError | undefined;
  private greeted: QmpGreeting | undefined;
  private greetingWaiter: { resolve: (greeting: QmpGreeting) => void; reject: (error: Error) => void } | undefined;

  private constructor(
    private readonly wire: Duplex,
    private readonly transcript: Transcript | undefined,
    private readonly commandTimeoutMs: number,
  ) {
    const lines = new LineSplitter((line) => this.receive(line));
    wire.on('data', (chunk: Buffer) => this.guard(() => lines.push(chunk)));
    wire.on('error', (error) => this.end(`the connection broke: ${error.message}`, error));
    wire.on('close', () => this.end('the connection was closed'));
    wire.on('end', () => this.end('the connection was closed'));
    if (wire.destroyed) this.end('the connection was closed');
  }

  /** Waits for the greeting on `wire`, negotiates, and resolves. Owns the wire from then on. */
  static async connect(wire: Duplex, options: QmpClientOptions): Promise<QmpClient> {
    const client = new QmpClient(wire, options.transcript, options.commandTimeoutMs ?? defaultCommandTimeoutMs);
    try {
      const greeting = await client.awaitGreeting(options.deadline);
      const offered = greeting.QMP.capabilities.includes('oob');
      const enable = options.outOfBand === true && offered ? ['oob' as const] : [];
      await client.execute('qmp_capabilities', { enable }, { deadline: options.deadline });
      return client;
    } catch (thrown) {
      client.close();
      throw thrown;
    }
  }

  /** Connects to a server at `unix:PATH` or `tcp:HOST:PORT`. */
  static async dial(address: string, options: QmpClientOptions): Promise<QmpClient> {
    return QmpClient.connect(await dial(parseSocketAddress(address), options.deadline), options);
  }

  get greeting(): QmpGreeting {
    if (!this.greeted) throw new StateError('the QMP server has not greeted yet');
    return this.greeted;
  }

  /**
   * Sends a command and resolves with what it returns.
   * Throws ExecuteError when QEMU refuses it, WaitTimeoutError when no answer comes, and ExecuteInterruptedError when the
   * connection ends first: then nobody can know whether the command was carried out.
   */
  execute<C extends keyof QmpCommands | (string & {})>(
    command: C,
    args?: Arguments<C>,
    options: ExecuteOptions = {},
  ): Promise<Return<C>> {
    if (this.closed) return Promise.reject(new StateError(`${command} was not sent: ${this.closed.message}`));
    const id = this.nextId++;
    const verb = options.outOfBand === true ? 'exec-oob' : 'execute';
    // An id costs QEMU a quarter of a round trip. The only command in flight is known without.
    const named = options.outOfBand === true || this.unnamed !== undefined || this.pending.size > 0;
    if (!named) this.unnamed = id;
    const line = JSON.stringify({ [verb]: command, ...(args && { arguments: args }), ...(named && { id }) });
    const timeoutMs = options.deadline?.remainingMs ?? this.commandTimeoutMs;
    return new Promise((resolve, reject) => {
      const expiresMs = performance.now() + timeoutMs;
      this.pending.set(id, { command, timeoutMs, expiresMs, resolve: resolve as (value: unknown) => void, reject });
      if (expiresMs < this.nextExpiryMs) this.watchUntil(expiresMs);
      this.transcript?.('>', line);
      this.wire.write(`${line}\n`);
    });
  }

  /** Closes the connection; commands in flight fail with ExecuteInterruptedError. */
  close(): void {
    this.end('the connection was closed on this side');
    this.wire.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  private awaitGreeting(deadline: Deadline): Promise<QmpGreeting> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new WaitTimeoutError(`no QMP greeting came within ${deadline.totalMs} ms`));
      }, deadline.remainingMs);
      this.greetingWaiter = {
        resolve: (greeting) => {
          clearTimeout(timer);
          resolve(greeting);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      if (this.closed) this.greetingWaiter.reject(this.closed);
    });
  }

  private receive(line: string): void {
    if (line === '') return;
    this.transcript?.('<', line);
    this.guard(() => this.handle(parseMessage(line)));
  }

  private handle(message: QmpMessage): void {
    switch (message.kind) {
      case 'greeting':
        this.greeted = message.greeting;
        this.greetingWaiter?.resolve(message.greeting);
        return;
      case 'event':
        return this.events.publish(message.event);
      case 'return':
        return this.settle(message.id)?.resolve(message.value);
      case 'error': {
        if (message.id === undefined && this.unnamed === undefined)
          throw new ProtocolError(`the QMP server refused a message: ${message.fault.desc}`);
        const refused = this.settle(message.id);
        return refused?.reject(new ExecuteError(refused.command, message.fault.class, message.fault.desc));
      }
    }
  }

  /** Takes a command out of flight; undefined when its deadline has passed and nobody waits any more. */
  private settle(answered: unknown): Pending | undefined {
    const id = answered ?? this.unnamed;
    if (answered === undefined) this.unnamed = undefined;
    if (typeof id !== 'number') return undefined;
    const command = this.pending.get(id);
    this.pending.delete(id);
    return command;
  }

  private watchUntil(expiresMs: number): void {
    clearTimeout(this.watchdog);
    this.nextExpiryMs = expiresMs;
    this.watchdog = setTimeout(() => this.giveUpExpired(), Math.max(0, expiresMs - performance.now()));
    // The connection keeps the process alive as long as anybody needs it.
    this.watchdog.unref();
  }

  private giveUpExpired(): void {
    const now = performance.now();
    this.nextExpiryMs = Infinity;
    let next = Infinity;
    for (const [id, { command, timeoutMs, expiresMs, reject }] of this.pending) {
      if (expiresMs > now) {
        next = Math.min(next, expiresMs);
        continue;
      }
      this.pending.delete(id);
      const waited = `${Math.round(timeoutMs)} ms`;
      reject(new WaitTimeoutError(`QMP did not answer ${command} within ${waited}`, { data: { command } }));
    }
    if (next < Infinity) this.watchUntil(next);
  }

  private guard(act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.end(messageOf(thrown), thrown);
      this.wire.destroy();
    }
  }

  private end(reason: string, cause?: unknown): void {
    if (this.closed) return;
    this.closed = new ConnectError(`QMP: ${reason}`, { cause });
    clearTimeout(this.watchdog);
    for (const [id, command] of this.pending) {
      this.pending.delete(id);
      command.reject(new ExecuteInterruptedError(command.command, reason, cause));
    }
    this.greetingWaiter?.reject(this.closed);
    this.events.end(this.closed);
  }
}
