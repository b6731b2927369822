import { GuestError } from '../../../core/errors.js';

/** The first wait before a question is asked again, and the longest one, in milliseconds. */
const pauseMs = { first: 100, longest: 4000 };
/** How long a terminal has been quiet when it waits for somebody, in milliseconds. */
const quietMs = 50;

/**
 * Asks a shell that may still be booting, again and again: soon after it said something, otherwise at growing intervals, for nobody tells
 * when a shell starts to read. A login gets `root` as its answer, once.
 */
export class ShellQuestion implements Disposable {
  private timer: NodeJS.Timeout | undefined;
  private pause = pauseMs.first;
  private askedMs = 0;
  private ended = '';
  private rootWasSent = false;

  /**
   * @param asking `fail` gets a GuestError when no shell can be had by asking; `patient` is for a shell that has answered before, and needs no
   * second question soon.
   */
  constructor(
    private readonly send: (line: string) => void,
    private readonly question: string,
    private readonly asking: { fail: (error: GuestError) => void; patient: boolean },
  ) {
    if (asking.patient) this.pause = pauseMs.longest;
    this.ask();
  }

  /** The terminal said something. */
  heard(text: string): void {
    this.ended = (this.ended + text).slice(-200);
    if (/login: ?$/i.test(this.ended)) return this.login();
    if (/password: ?$/i.test(this.ended)) return this.password();
    const soonestMs = Math.max(quietMs, this.askedMs + this.pause / 4 - performance.now());
    this.askIn(Math.min(soonestMs, this.dueMs - performance.now()));
  }

  /** A shell has just started: it reads what is sent now. */
  greeted(): void {
    this.pause = pauseMs.first;
    this.ask();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.timer);
  }

  private ask(): void {
    this.askedMs = performance.now();
    this.pause = Math.min(this.pause * 2, pauseMs.longest);
    this.askIn(this.pause);
    this.send(this.question);
  }

  private get dueMs(): number {
    return this.askedMs + this.pause;
  }

  private askIn(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), Math.max(0, ms));
  }

  private login(): void {
    clearTimeout(this.timer);
    if (this.rootWasSent)
      return this.asking.fail(new GuestError('the guest asks for another login after that of root'));
    this.rootWasSent = true;
    this.answer('root\n');
  }

  private password(): void {
    clearTimeout(this.timer);
    if (this.rootWasSent) return this.asking.fail(new GuestError('the guest asks for a password of root'));
    // The login took a question for a name; an empty password makes it ask for another.
    this.answer('\n');
  }

  private answer(line: string): void {
    this.ended = '';
    this.askIn(pauseMs.longest);
    this.send(line);
  }
}
