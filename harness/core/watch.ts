import type { Deadline } from './deadline.js';
import { messageOf, WaitImpossibleError, WaitTimeoutError } from './errors.js';

/** What somebody waits for. */
export interface Awaited<T, R> {
  /** Names the goal in the error message: "DEVICE_DELETED of nic0". */
  what: string;
  /** Returns the result when `seen` is the goal, and undefined while it is not. */
  goal: (seen: T) => R | undefined;
  /** Says why the goal can never be reached once this was seen, and nothing while it still can. */
  impossible?: (seen: T) => string | undefined;
  deadline: Deadline;
}

/**
 * A stream of things seen, on which anybody may wait: the one primitive under every wait.
 * It ends at most once, with the reason; whoever waits then, or later, fails at once with that reason as cause.
 */
export class Watch<T> {
  private readonly listeners = new Set<{ see: (seen: T) => void; end: (reason: Error) => void }>();
  private last: T | undefined;
  private ended: Error | undefined;

  /** @param describe puts one seen thing into the words of an error message. */
  constructor(private readonly describe: (seen: T) => string = String) {}

  /** Tells everybody who waits; ignored after the end. */
  publish(seen: T): void {
    if (this.ended) return;
    this.last = seen;
    for (const listener of [...this.listeners]) listener.see(seen);
  }

  /** Fails everybody who waits and everybody who comes later. The first reason stays. */
  end(reason: Error): void {
    if (this.ended) return;
    this.ended = reason;
    for (const listener of [...this.listeners]) listener.end(reason);
  }

  /**
   * Calls `see` with each thing from now on, and `end` with the reason of the end, until the returned function is called.
   * After the end, `end` is called all the same, once the caller has gone on.
   */
  listen(see: (seen: T) => void, end: (reason: Error) => void = () => undefined): () => void {
    const listener = { see, end };
    this.listeners.add(listener);
    const { ended } = this;
    if (ended) queueMicrotask(() => this.listeners.has(listener) && end(ended));
    return () => void this.listeners.delete(listener);
  }

  /**
   * Waits from now on for the goal. Call it before the command that causes the event, and await it after.
   * Throws WaitTimeoutError when the deadline passes, WaitImpossibleError on an impossible state, and the reason of the end.
   */
  until<R>(awaited: Awaited<T, R>): Promise<R> {
    const found = this.ended ? Promise.reject<R>(this.ended) : this.waitFor(awaited);
    // The wait is registered before the caller acts: when the act fails, nobody awaits this any more, and that is no fault.
    found.catch(() => undefined);
    return found;
  }

  private waitFor<R>(awaited: Awaited<T, R>): Promise<R> {
    const startedMs = performance.now();
    return new Promise<R>((resolve, reject) => {
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        this.listeners.delete(listener);
        finish();
      };
      const timer = setTimeout(() => {
        const waited = `${Math.round(performance.now() - startedMs)} ms`;
        const last = this.last === undefined ? 'nothing was seen' : `last seen: ${this.describe(this.last)}`;
        const error = new WaitTimeoutError(`waited ${waited} for ${awaited.what}; ${last}`, {
          data: { awaited: awaited.what },
        });
        settle(() => reject(error));
      }, awaited.deadline.remainingMs);
      const listener = {
        see: (seen: T): void => {
          try {
            const result = awaited.goal(seen);
            if (result !== undefined) return settle(() => resolve(result));
            const why = awaited.impossible?.(seen);
            if (why === undefined) return;
            settle(() => reject(new WaitImpossibleError(`${awaited.what} cannot happen any more: ${why}`)));
          } catch (thrown) {
            settle(() => reject(thrown instanceof Error ? thrown : new Error(messageOf(thrown))));
          }
        },
        end: (reason: Error): void => settle(() => reject(reason)),
      };
      this.listeners.add(listener);
    });
  }
}
