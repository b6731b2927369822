import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { Deadline } from '../../../core/deadline.js';
import { GuestError, messageOf, WaitImpossibleError, WaitTimeoutError } from '../../../core/errors.js';
import { Watch } from '../../../core/watch.js';
import { MarkerReader, type Token } from './markers.js';
import { commandLines, interrupt, questionLine } from './shell-line.js';
import { ShellQuestion } from './shell-question.js';
import { lastLines } from './shown.js';
import { TerminalWire } from './terminal-wire.js';
import { tickingCommand, Ticks } from './ticks.js';

export interface CommandResult {
  /** What the command printed, on its standard output and error, exactly. */
  output: string;
  /** Its exit status; 128 and the number of a signal that ended it. */
  status: number;
}

export interface SessionOptions {
  deadline: Deadline;
  /** The last that the guest said elsewhere, on its console, for error messages. */
  tail?: () => string;
  /** Gets everything that goes over the wire: `>` to the guest, `<` from it. */
  onText?: (direction: '>' | '<', text: string) => void;
}

/** The most that a command may print, in bytes. */
const maxOutputBytes = 1024 * 1024;

/** A command that was sent. */
interface Running {
  id: string;
  lines: string;
  /** `orphaned` when there is a new shell since it has begun. */
  state: 'sent' | 'begun' | 'ended' | 'orphaned';
  translated: boolean;
  /** What it printed, one character a byte. */
  output: string;
}

/**
 * A POSIX shell at the other end of a serial port. Commands run in it one after another, each exactly once, also when the guest
 * migrates meanwhile: name the new wire by `moveTo`.
 */
export class ShellSession implements AsyncDisposable {
  readonly ticks = new Ticks();
  private readonly reader = new MarkerReader();
  private readonly wire: TerminalWire;
  private tokens = newTokens();
  private readonly nonce = `g${randomBytes(3).toString('hex')}`;
  private count = 0;
  private running: Running | undefined;
  private question: ShellQuestion | undefined;
  /** Resolves when the command before has come to its end. */
  private before: Promise<unknown> = Promise.resolve();
  /** What runs in the shell although nobody waits for it any more. */
  private abandoned: string | undefined;
  /** The last that the terminal said, one character a byte. */
  private said = '';
  private failed: Error | undefined;
  private closed = false;

  private constructor(
    wire: Duplex,
    private readonly options: SessionOptions,
  ) {
    this.wire = new TerminalWire(wire, {
      data: (chunk) => this.hear(chunk),
      closed: (reason) => {
        this.closed = true;
        this.tokens.end(reason);
      },
    });
  }

  /**
   * Opens a session with a shell that may still be booting. Throws GuestError when none answers before the deadline, with the last things
   * said, and ConnectError when the wire closes.
   */
  static async open(wire: Duplex, options: SessionOptions): Promise<ShellSession> {
    const session = ShellSession.on(wire, options);
    try {
      await session.synchronise(options.deadline);
      return session;
    } catch (thrown) {
      await session[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** A session that has not heard of its shell yet: `synchronise` it before anything else. */
  static on(wire: Duplex, options: SessionOptions): ShellSession {
    return new ShellSession(wire, options);
  }

  /**
   * Waits until the shell answers, asking it again and again, and then until it has nothing left to read: a line that comes while it is
   * still at an earlier one is not taken as it was meant. Throws as `open` does.
   */
  async synchronise(deadline: Deadline): Promise<void> {
    await this.ask(deadline, { patient: false });
    await this.ask(deadline, { patient: true });
  }

  private async ask(deadline: Deadline, { patient }: { patient: boolean }): Promise<void> {
    const id = this.nextId();
    const answered = this.tokens.until({
      what: "an answer of the guest's shell",
      goal: (token) => (token.kind === 'answer' && token.id === id ? true : undefined),
      deadline,
    });
    const send = (line: string): void => this.send(line);
    this.question = new ShellQuestion(send, questionLine(id), { fail: (error) => this.fail(error), patient });
    try {
      await answered;
    } catch (thrown) {
      throw this.explained(thrown, `no shell of the guest answered within ${deadline.totalMs} ms`, this.said);
    } finally {
      this.question[Symbol.dispose]();
      this.question = undefined;
    }
  }

  /**
   * Runs a command, after those that were given before, and returns what it printed and its exit status; its standard input is empty. Throws
   * GuestError when it does not end in time, prints more than 1 MiB or ends the shell, and ConnectError when the wire closes; what still
   * runs is interrupted, so that the next command can run.
   */
  run(command: string, limit: { deadline: Deadline } | { timeoutMs: number }): Promise<CommandResult> {
    const deadline = 'deadline' in limit ? limit.deadline : Deadline.after(limit.timeoutMs);
    const result = this.before.then(() => this.execute(command, deadline));
    this.before = result.catch(() => undefined);
    return result;
  }

  /**
   * From now on the guest is at the other end of another wire. A command of which nothing was seen yet is sent again; one that
   * has begun goes on. Resolves when all that came on the old wire has been heard.
   */
  async moveTo(wire: Duplex): Promise<void> {
    // Where the old wire closed first, those who waited have failed; others can wait again.
    if (this.closed && !this.failed) this.tokens = newTokens();
    this.closed = false;
    await this.wire.moveTo(wire);
    if (this.running?.state === 'sent') this.send(this.running.lines);
  }

  /** Starts a process in the guest that gives a sign of life each so many milliseconds (`ticks`), until the guest ends. */
  async startTicking(intervalMs: number, deadline: Deadline = this.options.deadline): Promise<void> {
    const seconds = (intervalMs / 1000).toFixed(3);
    const { output, status } = await this.run(tickingCommand(seconds), { deadline });
    if (status !== 0) throw new GuestError(`the guest gives no signs of life: ${output.trim()}`);
  }

  /** Whoever waits on the shell fails with that reason, now and later. */
  fail(reason: Error): void {
    this.failed ??= reason;
    this.tokens.end(reason);
    this.ticks.end(reason);
  }

  /** Hears and sends nothing any more; the wire stays. */
  [Symbol.asyncDispose](): Promise<void> {
    this.wire.close();
    this.fail(new GuestError('the session with the guest is closed'));
    return this.before.then(() => undefined);
  }

  private async execute(command: string, deadline: Deadline): Promise<CommandResult> {
    const id = this.nextId();
    const lines = commandLines(command, id);
    if (this.failed) throw this.failed;
    if (this.abandoned !== undefined) await this.recover(this.abandoned, deadline);
    const running: Running = { id, lines, state: 'sent', translated: false, output: '' };
    const ended = this.tokens.until({
      what: `the end of '${shortened(command)}'`,
      goal: (token) => (token.kind === 'end' && token.id === id ? token.status : undefined),
      impossible: () => {
        if (running.output.length > maxOutputBytes) return `it printed more than ${maxOutputBytes} bytes`;
        return running.state === 'orphaned' ? 'its shell has ended' : undefined;
      },
      deadline,
    });
    this.running = running;
    this.send(lines);
    try {
      const status = await ended;
      return { output: decoded(running), status };
    } catch (thrown) {
      // Where the shell has ended there is a new one, in which nothing runs.
      if (running.state !== 'orphaned') this.abandon(command);
      const state = running.state === 'sent' ? 'had not begun' : 'had begun';
      const what = `'${shortened(command)}' did not end in the guest within ${deadline.totalMs} ms, and ${state}`;
      throw this.explained(thrown, what, running.output);
    } finally {
      this.running = undefined;
    }
  }

  /** Interrupts a command for which nobody waits any more; the next one comes first to an understanding with the shell. */
  private abandon(command: string): void {
    this.abandoned = command;
    this.send(interrupt);
  }

  /** Gets the shell back from a command that was given up. */
  private async recover(command: string, deadline: Deadline): Promise<void> {
    // What was sent when it was given up may have gone to a wire that had closed.
    this.send(interrupt);
    try {
      await this.synchronise(deadline);
    } catch (thrown) {
      if (!(thrown instanceof GuestError)) throw thrown;
      const what = `the guest's shell has not answered since '${shortened(command)}' was given up`;
      throw new GuestError(`${what}: ${thrown.message}`, { cause: thrown });
    }
    this.abandoned = undefined;
  }

  private hear(chunk: Buffer): void {
    this.options.onText?.('<', chunk.toString());
    for (const token of this.reader.push(chunk)) {
      this.take(token);
      this.tokens.publish(token);
    }
  }

  private take(token: Token): void {
    const { running } = this;
    if (token.kind === 'tick') this.ticks.add();
    if (token.kind === 'text') {
      this.said = (this.said + token.bytes).slice(-4096);
      this.question?.heard(token.bytes);
      if (running?.state === 'begun' && running.output.length <= maxOutputBytes) running.output += token.bytes;
    }
    if (token.kind === 'greeting') {
      this.question?.greeted();
      if (running?.state === 'begun') running.state = 'orphaned';
      // The shell before has ended with the lines unread.
      else if (running?.state === 'sent') this.send(running.lines);
    }
    if (token.kind === 'begin' && token.id === running?.id) {
      running.state = 'begun';
      running.translated = token.translated;
    }
    // What comes after it, a prompt in the same chunk, is none of its output.
    if (token.kind === 'end' && token.id === running?.id) running.state = 'ended';
  }

  private send(text: string): void {
    this.options.onText?.('>', text);
    this.wire.write(text);
  }

  private nextId(): string {
    this.count += 1;
    return `${this.nonce}x${this.count}`;
  }

  /** A wait's failure in the guest's terms: what was awaited, and the last that was seen. */
  private explained(thrown: unknown, late: string, bytes: string): unknown {
    if (!(thrown instanceof WaitTimeoutError || thrown instanceof WaitImpossibleError)) return thrown;
    const what = thrown instanceof WaitTimeoutError ? late : messageOf(thrown);
    const text = lastLines(Buffer.from(bytes, 'latin1').toString(), 15);
    const elsewhere = this.options.tail?.() ?? '';
    const said = text === '' ? '; nothing came from it' : `; the last of its output:\n${text}`;
    const console = elsewhere === '' ? '' : `\nthe last of the guest's console:\n${elsewhere}`;
    return new GuestError(`${what}${said}${console}`, { cause: thrown });
  }
}

function newTokens(): Watch<Token> {
  return new Watch<Token>(({ kind }) => kind);
}

/** The terminal of a shell that has no stty adds a carriage return to each line feed. */
function decoded({ output, translated }: Running): string {
  const exact = translated ? output.replaceAll('\r\n', '\n') : output;
  return Buffer.from(exact, 'latin1').toString();
}

function shortened(command: string): string {
  const line = lastLines(command, 1000).replaceAll('\n', '; ');
  return line.length > 100 ? `${line.slice(0, 100)}…` : line;
}
