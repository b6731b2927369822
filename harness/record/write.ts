import { closeSync, constants, ftruncateSync, openSync, writeSync } from 'node:fs';
import { messageOf, StateError, UsageError } from '../core/errors.js';
import type { RecordEvent } from './events.js';

const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = constants;

/** Name of the record inside the output folder of a run. */
export const recordFileName = 'record.ndjson';

/**
 * Appends events to a record, one line of JSON each. When `write` returns, the kernel has the whole line: it outlives a crash or
 * a SIGKILL of the harness (not a loss of power; nothing is flushed to the medium).
 */
export class RecordWriter implements AsyncDisposable {
  private fd: number | undefined;
  private size = 0;

  constructor(private readonly file: string) {
    try {
      this.fd = openSync(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o666);
    } catch (thrown) {
      throw new UsageError(`the record ${file} cannot be written: ${messageOf(thrown)}`, {
        data: { file },
        cause: thrown,
      });
    }
  }

  /** Throws StateError after the disposal, and StateError with the cause when the disk does not take the line; the lines before it stay whole. */
  write(event: RecordEvent): void {
    if (this.fd === undefined) throw new StateError(`the record ${this.file} is closed`, { data: { file: this.file } });
    const line = Buffer.from(`${JSON.stringify(event)}\n`);
    try {
      for (let done = 0; done < line.length;) done += writeSync(this.fd, line, done);
      this.size += line.length;
    } catch (thrown) {
      // Half a line in the middle would make the whole record unreadable once a later line follows it.
      cutBack(this.fd, this.size);
      throw new StateError(`a line could not be added to ${this.file}: ${messageOf(thrown)}`, { cause: thrown });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
    return Promise.resolve();
  }
}

function cutBack(fd: number, size: number): void {
  try {
    ftruncateSync(fd, size);
  } catch {
    // The error of the write is the one to tell.
  }
}

/** Begins a record in `file`, replacing an older one of that name; its folder must exist. Throws UsageError when it cannot be written. */
export function openRecord(file: string): RecordWriter {
  return new RecordWriter(file);
}
