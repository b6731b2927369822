import type { Duplex } from 'node:stream';
import type { GodwitError } from '../core/errors.js';
import { ConnectError, ProtocolError, WaitTimeoutError, messageOf } from '../core/errors.js';
import { LineSplitter } from '../core/lines.js';
import { Watch } from '../core/watch.js';

/** Width of one access to a port, to memory or to configuration space, in bytes. */
export type PortWidth = 1 | 2 | 4;

/** An interrupt line that changed after `interceptIrq`. */
export interface IrqChange {
  line: number;
  level: 'raise' | 'lower';
}

/** Called with every line that goes out ('>') or comes in ('<'). */
export type QtestTranscript = (direction: '>' | '<', line: string) => void;

/** The most that one write command carries, in bytes: QEMU looks for the end of a line from its start, at every few bytes that come. */
const writeBytes = 128 * 1024;

const suffix: Record<PortWidth, string> = { 1: 'b', 2: 'w', 4: 'l' };

/**
 * A qtest connection: what a CPU could do to ports and memory, without one.
 * Commands written in one turn of the event loop leave in one write, and QEMU answers them in order.
 * Source: QEMU system/qtest.c (softmmu/qtest.c up to 7.2), the comment at its head.
 */
export class QtestClient implements AsyncDisposable {
  /** Interrupt lines as they change, once interception is on. */
  readonly irqs = new Watch<IrqChange>((seen) => `IRQ ${seen.line} ${seen.level}`);

  private readonly pending: { command: string; resolve: (words: string) => void; reject: (error: Error) => void }[] =
    [];
  private outgoing = '';
  private closed: ConnectError | undefined;
  private watchdog: NodeJS.Timeout | undefined;

  constructor(
    private readonly wire: Duplex,
    private readonly options: { commandTimeoutMs?: number; transcript?: QtestTranscript } = {},
  ) {
    const lines = new LineSplitter((line) => this.receive(line));
    wire.on('data', (chunk: Buffer) => {
      try {
        lines.push(chunk);
      } catch (thrown) {
        this.end(messageOf(thrown), thrown);
        this.wire.destroy();
      }
    });
    wire.on('error', (error) => this.end(`the connection broke: ${error.message}`, error));
    wire.on('close', () => this.end('the connection was closed'));
    wire.on('end', () => this.end('the connection was closed'));
    if (wire.destroyed) this.end('the connection was closed');
  }

  /**
   * Sends one raw command and resolves with the words after OK. Rejects with ProtocolError when QEMU answers FAIL or ERR,
   * and when the command is not one line: its answers could not be told apart.
   */
  command(text: string): Promise<string> {
    if (this.closed) return Promise.reject(this.closed);
    if (/[\r\n]/.test(text)) {
      return Promise.reject(
        new ProtocolError(`a qtest command is one line; given: ${JSON.stringify(text.slice(0, 200))}`),
      );
    }
    return new Promise((resolve, reject) => {
      this.pending.push({ command: text, resolve, reject });
      if (this.outgoing === '') queueMicrotask(() => this.flush());
      this.outgoing += `${text}\n`;
      this.options.transcript?.('>', text);
    });
  }

  async in(port: number, width: PortWidth): Promise<number> {
    return Number(await this.command(`in${suffix[width]} 0x${port.toString(16)}`));
  }

  async out(port: number, width: PortWidth, value: number): Promise<void> {
    await this.command(`out${suffix[width]} 0x${port.toString(16)} 0x${(value >>> 0).toString(16)}`);
  }

  async readMemory(address: number, width: PortWidth): Promise<number> {
    return Number(await this.command(`read${suffix[width]} 0x${address.toString(16)}`));
  }

  async writeMemory(address: number, width: PortWidth, value: number): Promise<void> {
    await this.command(`write${suffix[width]} 0x${address.toString(16)} 0x${(value >>> 0).toString(16)}`);
  }

  /** Reads a block of guest memory of any size. */
  async readBlock(address: number, bytes: number): Promise<Buffer> {
    if (bytes === 0) return Buffer.alloc(0);
    const words = await this.command(`b64read 0x${address.toString(16)} 0x${bytes.toString(16)}`);
    const block = Buffer.from(words, 'base64');
    if (block.length !== bytes) {
      throw new ProtocolError(`qtest answered ${block.length} bytes where ${bytes} were asked for`);
    }
    return block;
  }

  /** Writes a block of guest memory of any size. */
  async writeBlock(address: number, block: Uint8Array): Promise<void> {
    const pieces = Array.from({ length: Math.ceil(block.length / writeBytes) }, (_, index) => index * writeBytes);
    await Promise.all(
      pieces.map((from) => {
        const piece = Buffer.from(block.subarray(from, from + writeBytes));
        const at = (address + from).toString(16);
        return this.command(`b64write 0x${at} 0x${piece.length.toString(16)} ${piece.toString('base64')}`);
      }),
    );
  }

  /** Reports every change of the device's incoming ('in') or outgoing ('out') interrupt lines on `irqs` from now on. */
  async interceptIrq(direction: 'in' | 'out', qomPath: string): Promise<void> {
    await this.command(`irq_intercept_${direction} ${qomPath}`);
  }

  close(): void {
    this.end('the connection was closed on this side');
    this.wire.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  private flush(): void {
    const text = this.outgoing;
    this.outgoing = '';
    if (this.closed) return;
    this.wire.write(text);
    this.watchdog ??= this.startWatchdog();
  }

  private receive(line: string): void {
    this.options.transcript?.('<', line);
    if (line.startsWith('IRQ ')) return this.receiveIrq(line);
    const waiting = this.pending.shift();
    if (!waiting) throw new ProtocolError(`qtest answered what was never asked: ${line.slice(0, 200)}`);
    if (this.pending.length === 0) this.stopWatchdog();
    else this.watchdog?.refresh();
    if (line === 'OK' || line.startsWith('OK ')) return waiting.resolve(line.slice(3));
    waiting.reject(new ProtocolError(`qtest answered '${line.slice(0, 200)}' to '${waiting.command.slice(0, 200)}'`));
  }

  private receiveIrq(line: string): void {
    const [, level, number] = line.split(' ');
    if ((level !== 'raise' && level !== 'lower') || number === undefined) {
      throw new ProtocolError(`qtest sent an interrupt it cannot mean: ${line.slice(0, 200)}`);
    }
    this.irqs.publish({ line: Number(number), level });
  }

  /** One timer for the connection, not one a command: it fires when QEMU answers nothing at all for the whole time. */
  private startWatchdog(): NodeJS.Timeout {
    const timeoutMs = this.options.commandTimeoutMs ?? 10_000;
    return setTimeout(() => {
      const error = new WaitTimeoutError(
        `qtest did not answer '${this.pending[0]?.command ?? ''}' within ${timeoutMs} ms`,
      );
      this.fail(error);
      this.close();
    }, timeoutMs);
  }

  private stopWatchdog(): void {
    clearTimeout(this.watchdog);
    this.watchdog = undefined;
  }

  private fail(error: GodwitError): void {
    for (const waiting of this.pending.splice(0)) waiting.reject(error);
  }

  private end(reason: string, cause?: unknown): void {
    if (this.closed) return;
    this.closed = new ConnectError(`qtest: ${reason}`, { cause });
    this.stopWatchdog();
    this.fail(this.closed);
    this.irqs.end(this.closed);
  }
}
