import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { messageOf, UsageError } from '../core/errors.js';
import { type Reading, StreamBytes } from './bytes.js';

/** How to read a whole stream, given the bytes to read it from. */
export type StreamTask<T> = (bytes: StreamBytes) => Reading<T>;

/**
 * Reads a file, a pipe or a device from its start to its end; what the task passes over is not even read where the file can be
 * positioned. Throws UsageError when it cannot be opened, and what the task throws.
 */
export function readStreamFile<T>(path: string, task: StreamTask<T>): T {
  const fd = open(path);
  try {
    return readDescriptor(fd, task);
  } finally {
    closeSync(fd);
  }
}

/** The same for standard input. */
export async function readStandardInput<T>(task: StreamTask<T>): Promise<T> {
  const bytes = new StreamBytes();
  const reading = task(bytes);
  let step = reading.next();
  while (!step.done) {
    const count = readSome(0, bytes);
    if (count === 'later') break;
    step = reading.next();
  }
  if (step.done) return step.value;
  // Somebody has made the descriptor non-blocking: then only the event loop can wait for it.
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes.push(chunk);
    step = reading.next();
    if (step.done) return step.value;
  }
  return finish(reading, bytes);
}

/** Feeds a task with chunks as they come; what flows through a relay is read so. */
export class StreamFeed<T> {
  private readonly bytes = new StreamBytes();
  private readonly reading: Reading<T>;
  private done: { value: T } | undefined;

  constructor(task: StreamTask<T>) {
    this.reading = task(this.bytes);
    this.step();
  }

  /** Takes what came; throws what the task throws. */
  push(chunk: Buffer): void {
    if (this.done) return;
    this.bytes.push(chunk);
    this.step();
  }

  /** Nothing more comes: the task's result. */
  end(): T {
    return this.done ? this.done.value : finish(this.reading, this.bytes);
  }

  private step(): void {
    const step = this.reading.next();
    if (step.done) this.done = { value: step.value };
  }
}

function readDescriptor<T>(fd: number, task: StreamTask<T>): T {
  const isFile = fstatSync(fd).isFile();
  const bytes = new StreamBytes();
  const reading = task(bytes);
  let position = 0;
  for (let step = reading.next(); ; step = reading.next()) {
    if (step.done) return step.value;
    if (isFile && step.value > 0) {
      // The file may still grow, and it may have been cut short.
      const jump = Math.max(0, Math.min(step.value, fstatSync(fd).size - position));
      bytes.pass(jump);
      position += jump;
    }
    const room = bytes.room();
    const count = readSync(fd, room, 0, room.length, isFile ? position : null);
    position += count;
    if (count === 0) bytes.end();
    bytes.wrote(count);
  }
}

/** Reads once, waiting for something to come; 'later' when the descriptor does not wait. */
function readSome(fd: number, bytes: StreamBytes): number | 'later' {
  try {
    const room = bytes.room();
    const count = readSync(fd, room, 0, room.length, null);
    if (count === 0) bytes.end();
    bytes.wrote(count);
    return count;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EAGAIN') return 'later';
    throw thrown;
  }
}

function finish<T>(reading: Reading<T>, bytes: StreamBytes): T {
  bytes.end();
  for (;;) {
    const step = reading.next();
    if (step.done) return step.value;
  }
}

function open(path: string): number {
  try {
    const fd = openSync(path, 'r');
    if (!fstatSync(fd).isDirectory()) return fd;
    closeSync(fd);
  } catch (thrown) {
    throw new UsageError(`${path} cannot be read: ${messageOf(thrown)}`, { cause: thrown });
  }
  throw new UsageError(`${path} is a folder; a file with a migration stream was expected`);
}
