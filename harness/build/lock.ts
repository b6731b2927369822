import { once } from 'node:events';
import { execa } from 'execa';
import type { Deadline } from '../core/deadline.js';
import { BuildError } from '../core/errors.js';
import { findOnPath, tied } from './child.js';

export interface LockOptions {
  deadline: Deadline;
  signal?: AbortSignal;
  /** Called once when somebody else holds the lock. */
  onWait?: () => void;
}

/**
 * Holds a lock file exclusively, over all processes of this machine, until disposed or until this process dies in whatever way.
 * The kernel's own lock (flock) is held by a child that lives only as long as the pipe from this process, so nothing is ever left
 * locked and nobody polls. Throws BuildError when the deadline passes first.
 */
export async function holdLock(path: string, options: LockOptions): Promise<AsyncDisposable> {
  return (await holdFreeLock(path, options)) ?? (options.onWait?.(), await waitForLock(path, options));
}

/** Holds a lock file as `holdLock` does where nobody holds it; undefined where somebody does. */
export async function holdFreeLock(path: string, options: LockOptions): Promise<AsyncDisposable | undefined> {
  return tryLock(path, options, ['--nonblock']);
}

async function waitForLock(path: string, options: LockOptions): Promise<AsyncDisposable> {
  const lock = await tryLock(path, options, []);
  if (lock) return lock;
  throw new BuildError(`another process held the lock ${path} until the deadline`, { data: { path } });
}

async function tryLock(path: string, options: LockOptions, how: string[]): Promise<AsyncDisposable | undefined> {
  options.signal?.throwIfAborted();
  const flock = findOnPath('flock');
  if (flock === undefined)
    throw new BuildError('there is no flock (util-linux) on PATH, without which nothing can be fetched safely');
  const stop = new AbortController();
  const signals = options.signal ? [options.signal, stop.signal] : [stop.signal];
  const [file, ...args] = tied([flock, ...how, path, 'cat']);
  const child = execa(file, args, {
    reject: false,
    cancelSignal: AbortSignal.any(signals),
    buffer: false,
    stderr: 'ignore',
  });
  // cat sends the byte back once flock has the lock and starts it; writing to a flock that gave up is no fault.
  child.stdin.on('error', () => undefined);
  child.stdin.write('\n');
  const timer = setTimeout(() => stop.abort(), options.deadline.remainingMs);
  const held = await Promise.race([once(child.stdout, 'data').then(() => true), child.then(() => false)]);
  clearTimeout(timer);
  options.signal?.throwIfAborted();
  if (!held) return undefined;
  return {
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await child;
    },
  };
}
