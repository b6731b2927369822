import { setTimeout as after } from 'node:timers/promises';

/** True when `awaited` came to a good end within `ms` milliseconds, false when it did not yet; throws what it throws. */
export async function within(awaited: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const elapsed = after(ms, false, { signal: timer.signal }).catch(() => false);
  try {
    return await Promise.race([awaited.then(() => true), elapsed]);
  } finally {
    timer.abort();
  }
}
