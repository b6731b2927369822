/** The longest time that a Node timer can wait: a longer one would fire at once. About 24 days. */
const longestTimerMs = 2 ** 31 - 1;

/** One moment in monotonic time after which nobody waits any longer; it travels down the call, and nobody makes a second one. */
export class Deadline {
  private constructor(
    /** How long the deadline was when it was made, in milliseconds. */
    readonly totalMs: number,
    private readonly atMs: number,
  ) {}

  /** A deadline `ms` milliseconds from now. */
  static after(ms: number): Deadline {
    return new Deadline(ms, performance.now() + ms);
  }

  /** Milliseconds left; never below zero, and never more than a timer can wait. */
  get remainingMs(): number {
    return Math.min(longestTimerMs, Math.max(0, this.atMs - performance.now()));
  }

  get passed(): boolean {
    return this.remainingMs === 0;
  }

  /** The earlier of this deadline and one `ms` milliseconds from now: for a step that must not use up all that is left. */
  within(ms: number): Deadline {
    return ms < this.remainingMs ? Deadline.after(ms) : this;
  }
}
