import type { Deadline } from '../../../core/deadline.js';
import { Watch } from '../../../core/watch.js';
import { tickFormat } from './markers.js';

/** As many signs of life are kept: a quarter of an hour of one each 10 ms. */
const mostKept = 100_000;

/**
 * Signs of a guest's life, each with the moment when it was heard, on the clock of performance.now(). Only a clock outside tells how long a
 * guest stood still: its own stand still with it, under TCG and KVM alike.
 */
export class Ticks {
  private stamps: number[] = [];
  private readonly heard = new Watch<number>((stamp) => `one at ${Math.round(stamp)} ms`);

  /** One was heard just now. */
  add(): void {
    const now = performance.now();
    this.stamps.push(now);
    if (this.stamps.length > 2 * mostKept) this.stamps = this.stamps.slice(-mostKept);
    this.heard.publish(now);
  }

  /** Nobody will hear any more. */
  end(reason: Error): void {
    this.heard.end(reason);
  }

  /** How many were heard in a stretch of time. */
  count(fromMs: number, toMs: number): number {
    return this.stamps.filter((stamp) => stamp >= fromMs && stamp <= toMs).length;
  }

  /** The longest time without any in a stretch of time, in milliseconds: its whole length when there was none. */
  largestGapMs(fromMs: number, toMs: number): number {
    const inside = this.stamps.filter((stamp) => stamp > fromMs && stamp < toMs);
    const moments = [fromMs, ...inside, toMs];
    return moments.reduce((largest, moment, index) => Math.max(largest, moment - (moments[index - 1] ?? moment)), 0);
  }

  /** The moment of the next one. Throws WaitTimeoutError when none is heard before the deadline. */
  next(deadline: Deadline): Promise<number> {
    return this.heard.until({ what: "a sign of the guest's life", goal: (stamp) => stamp, deadline });
  }

  /** The longest time without any from a moment to the first one that is heard from now on. Throws as `next` does. */
  async gapUpToNext(fromMs: number, deadline: Deadline): Promise<number> {
    return this.largestGapMs(fromMs, await this.next(deadline));
  }
}

/**
 * A shell's command that leaves a process behind which gives a sign of life each so many seconds. A read that times out starts no
 * process, as a sleep would: a tenth of the work under TCG. Where a shell's read knows no such time, it sleeps.
 */
export function tickingCommand(seconds: string): string {
  return [
    'p=/tmp/.godwit-ticks; rm -f $p; mkfifo $p &&',
    `( exec 3<>$p; rm -f $p; trap '' HUP INT; if ( read -t 0.001 _ <&3; [ $? -ne 2 ] ) 2>/dev/null`,
    `then while :; do printf '${tickFormat}'; read -t ${seconds} _ <&3; done`,
    `else while :; do printf '${tickFormat}'; sleep ${seconds}; done; fi ) &`,
  ].join('\n');
}
