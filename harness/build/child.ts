import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import type { Deadline } from '../core/deadline.js';
import { BuildError, messageOf } from '../core/errors.js';
import { LineSplitter } from '../core/lines.js';

/** The first executable file of that name on PATH, or undefined. */
export function findOnPath(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Whether `path` is a file that this user may run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const setpriv = findOnPath('setpriv');
let groupIsWatched = false;

/**
 * Says that somebody outside ends this process's whole group when it dies: what it starts then needs no tie of its own, which
 * would cost a start of setpriv each time (4 ms of processor time, a twelfth of a cell).
 */
export function relyOnProcessGroup(): void {
  groupIsWatched = true;
}

/** The same command, killed by the kernel when the process that starts it dies, where util-linux's setpriv is there to arrange it. */
export function tied(command: readonly string[]): [string, ...string[]] {
  const [file = '', ...args] = command;
  return setpriv === undefined || groupIsWatched
    ? [file, ...args]
    : [setpriv, '--pdeathsig', 'KILL', '--', file, ...args];
}

export interface ChildOptions {
  deadline: Deadline;
  signal?: AbortSignal;
  /** Added to this process's own; undefined takes a variable away. */
  env?: Readonly<Record<string, string | undefined>>;
  /** The folder to run it in; this process's own unless told. */
  cwd?: string;
  /** Gets each line of standard output as it comes. */
  onLine?: (line: string) => void;
  /** Gets each line that the child writes to its file descriptor 3. */
  onStatus?: (line: string) => void;
}

export interface ChildResult {
  /** undefined when a signal ended the child or it could not be started. */
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
  /** One line that says how it ended. */
  summary: string;
}

/**
 * Runs a command to its end, tied to this process, in the C locale and with nothing on standard input.
 * Throws the signal's reason when it was aborted and BuildError when the deadline passed; any exit status is a result.
 */
export async function runChild(command: readonly string[], options: ChildOptions): Promise<ChildResult> {
  options.signal?.throwIfAborted();
  const [file, ...args] = tied(command);
  const child = execa(file, args, {
    reject: false,
    stdio: ['ignore', 'pipe', 'pipe', options.onStatus ? 'pipe' : 'ignore'],
    env: { LC_ALL: 'C', ...options.env },
    timeout: Math.max(1, options.deadline.remainingMs),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.signal && { cancelSignal: options.signal }),
  });
  if (options.onLine) eachLine(child.stdout, options.onLine);
  if (options.onStatus) eachLine(child.stdio[3], options.onStatus);
  const ended = await child;
  options.signal?.throwIfAborted();
  if (ended.timedOut) throw new BuildError(`${command[0]} did not end in time`, { data: { command } });
  return {
    exitCode: ended.exitCode,
    stdout: ended.stdout,
    stderr: ended.stderr,
    summary: ended.exitCode === undefined ? messageOf(ended.cause ?? ended.signal) : `exit status ${ended.exitCode}`,
  };
}

function eachLine(stream: Readable | null, onLine: (line: string) => void): void {
  const lines = new LineSplitter(onLine);
  stream?.on('data', (chunk: Buffer | string) => lines.push(Buffer.from(chunk)));
}
