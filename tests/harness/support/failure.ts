import { AssertionError, expect } from 'chai';

/** What a promise was rejected with, which must be of that class; fails when it was fulfilled. */
export async function failure<T extends Error = Error>(
  promise: PromiseLike<unknown>,
  type?: abstract new (...args: never[]) => T,
): Promise<T> {
  let value: unknown;
  try {
    value = await promise;
  } catch (thrown) {
    expect(thrown).to.be.instanceOf(type ?? Error);
    return thrown as T;
  }
  throw new AssertionError(`expected a rejection, and it was fulfilled with ${String(value)}`);
}

/** Acts, and fails when a promise was rejected that nobody handles, before two rounds of the event loop are over. */
export async function noUnhandledRejection(act: () => unknown): Promise<void> {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', note);
  try {
    await act();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('unhandledRejection', note);
    for (const other of others) process.on('unhandledRejection', other);
  }
  expect(unhandled).to.deep.equal([]);
}

/** Timers that keep this process alive, but for the test runner's own one for the running test. */
export function timersRunning(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length - 1;
}
