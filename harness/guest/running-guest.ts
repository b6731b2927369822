import type { Machine } from '../machine/machine.js';

/** A guest with a vCPU, which goes from machine to machine while somebody speaks to it. */
export interface RunningGuest extends AsyncDisposable {
  /**
   * Takes up with the machine that it came to by migration, before it goes on there if it is held.
   * Throws GuestError when it is not what it was.
   */
  arrive(machine: Machine, how: { held: boolean }): Promise<void>;
  /** Resolves when nothing goes on any more that began at boot: a state in which it can be saved for others. */
  settle?(): Promise<void>;
  /** Proves that memory, of the machine that it is on, holds what it can have left there. Throws GuestError with the first wrong addresses. */
  checkMemory?(): Promise<void>;
  /**
   * The largest gap in milliseconds between two signs of its life, up to the first one that comes from now on, since a moment on the
   * clock of performance.now(); undefined where nobody listens for them.
   */
  largestGapMs?(sinceMs: number): Promise<number | undefined>;
}
