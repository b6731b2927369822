import type { Deadline } from '../core/deadline.js';
import { within } from '../core/within.js';
import type { Machine } from '../machine/machine.js';
import { isEvent } from '../qmp/messages.js';

/** How one side's part in a migration ended. */
export type End = 'completed' | 'failed' | 'cancelled' | 'exited';

/** Milliseconds without any progress after which a migration counts as hung; progress of any kind starts it again. */
export const defaultStallMs = 10_000;
/** Milliseconds that one side has to notice that the other one is gone. */
const aftermathMs = 2000;

/**
 * Watches both sides to their ends. Made before the command that starts the migration, so that no event is missed.
 * A status that nobody has heard of means that it goes on.
 */
export class Phases {
  private readonly both: Promise<unknown>;
  private readonly either: Promise<unknown>;
  private seen = 0;
  /** When the destination said that the guest is there, on the clock of performance.now(); undefined until then. */
  arrivedMs: number | undefined;

  constructor(
    private readonly source: Machine,
    destination: Machine,
    private readonly patience: { deadline: Deadline; stallMs: number },
  ) {
    const sourceEnd = this.endOf(source);
    const destinationEnd = this.endOf(destination).then((end) => {
      if (end === 'completed') this.arrivedMs = performance.now();
      return end;
    });
    this.both = Promise.all([sourceEnd, destinationEnd]);
    this.either = Promise.race([
      sourceEnd.then((end) => (end === 'completed' ? this.both : undefined)),
      destinationEnd.then((end) => (end === 'completed' ? this.both : undefined)),
    ]);
  }

  /** Resolves true when the migration came to an end on a side, false when nothing moves any more or the deadline passed. */
  async settled(): Promise<boolean> {
    const { deadline, stallMs } = this.patience;
    let last = '';
    for (;;) {
      if (await within(this.either, Math.min(stallMs, deadline.remainingMs))) break;
      const now = await this.progress();
      if (now === last || deadline.passed) return false;
      last = now;
    }
    // One side failed: the other one has a moment to notice, and may as well never end.
    await within(this.both, Math.min(aftermathMs, deadline.remainingMs));
    return true;
  }

  /** What moves while a migration gets on: bytes sent, states, events of either side. */
  private async progress(): Promise<string> {
    const { deadline, stallMs } = this.patience;
    const asked = await this.source.qmp
      .execute('query-migrate', undefined, { deadline: deadline.within(stallMs) })
      .catch(() => undefined);
    return JSON.stringify([this.seen, asked?.status, asked?.ram?.transferred, asked?.ram?.remaining]);
  }

  private endOf(machine: Machine): Promise<End> {
    return new Promise((resolve) => {
      const finish = (end: End): void => {
        unlisten();
        resolve(end);
      };
      const unlisten = machine.events.listen(
        (event) => {
          this.seen += 1;
          if (!isEvent(event, 'MIGRATION')) return;
          const { status } = event.data;
          if (status === 'completed' || status === 'failed' || status === 'cancelled') finish(status);
        },
        () => finish('exited'),
      );
      if (machine.exited) finish('exited');
    });
  }
}
