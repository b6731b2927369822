import { readdirSync, readFileSync } from 'node:fs';
import { execa } from 'execa';
import type { Deadline } from '../../core/deadline.js';
import { messageOf } from '../../core/errors.js';
import { findOnPath } from '../child.js';

export interface SessionOptions {
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  deadline: Deadline;
  signal?: AbortSignal;
  /** Gets both outputs as they come; the command is ended when it throws, and what it throws is thrown. */
  onOutput: (chunk: Buffer) => Promise<void>;
}

/** How a command ended. */
export interface SessionEnd {
  /** undefined when a signal ended it or it could not be started. */
  exitCode: number | undefined;
  /** One line that says how it ended. */
  summary: string;
  /** Whether the deadline passed and it was ended for that. */
  late: boolean;
}

/** Milliseconds in which ninja ends its compilers and takes away what they have half written. */
const graceMs = 3_000;

/**
 * Runs a command in a session of its own and ends all of it, compilers included, when the deadline passes, it is aborted, or this process
 * dies: ninja gives each compiler a process group of its own, so that none of them hears what is said to ninja's.
 * Throws the signal's reason when it was aborted.
 */
export async function runInSession(command: readonly string[], options: SessionOptions): Promise<SessionEnd> {
  options.signal?.throwIfAborted();
  const setpriv = findOnPath('setpriv');
  // Not KILL: ninja passes TERM on to its compilers before it ends.
  const [file = '', ...args] = [...(setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'TERM', '--']), ...command];
  const { cwd, env } = options;
  const child = execa(file, args, {
    ...{ cwd, env, reject: false, buffer: false, all: true, detached: true },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ending = new Ending(child.pid);
  const onAbort = (): void => ending.begin();
  options.signal?.addEventListener('abort', onAbort);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    ending.begin();
  }, options.deadline.remainingMs);
  try {
    for await (const chunk of child.all) await options.onOutput(Buffer.from(chunk as Buffer));
    const ended = await child;
    options.signal?.throwIfAborted();
    const { exitCode } = ended;
    const summary = exitCode === undefined ? messageOf(ended.signal ?? ended.cause) : `exit status ${exitCode}`;
    return { exitCode, summary, late };
  } catch (thrown) {
    ending.begin();
    await child;
    throw thrown;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
    ending.finish();
  }
}

/** The end of a session before its time: first asked for, then enforced. */
class Ending {
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly session: number | undefined) {}

  begin(): void {
    const { session } = this;
    if (session === undefined || this.timer) return;
    kill(-session, 'SIGTERM');
    this.timer = setTimeout(() => killSession(session), graceMs);
  }

  /** Once the command has ended: whatever it has left goes too, if its end was asked for. */
  finish(): void {
    if (!this.timer || this.session === undefined) return;
    clearTimeout(this.timer);
    killSession(this.session);
  }
}

function killSession(session: number): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (sessionOf(pid) === session) kill(Number(pid), 'SIGKILL');
  }
}

/** The sixth field of proc(5)'s stat; the second, the command's name in brackets, may hold anything. */
function sessionOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]);
  } catch {
    // It ended while we looked.
    return undefined;
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}
