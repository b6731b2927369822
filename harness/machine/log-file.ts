import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** Bytes that one log of one QEMU may hold; the rest is left out, and the log says so. */
const maxLogBytes = 4 * 1024 * 1024;

/** A log that is on disk as soon as it is said, up to a bound: a QEMU that floods its standard error fills no disk. */
export class LogFile implements Disposable {
  private readonly descriptor: number;
  private bytes = 0;
  private open = true;

  constructor(readonly path: string) {
    this.descriptor = openSync(path, 'a', 0o600);
  }

  write(text: string | Buffer): void {
    if (!this.open || this.bytes > maxLogBytes) return;
    const chunk = typeof text === 'string' ? Buffer.from(text) : text;
    this.bytes += chunk.length;
    writeSync(this.descriptor, this.bytes > maxLogBytes ? chunk.subarray(0, maxLogBytes - this.bytes) : chunk);
    if (this.bytes > maxLogBytes) writeSync(this.descriptor, `\n[the log was cut here, after ${maxLogBytes} bytes]\n`);
  }

  /** All that was written so far. */
  read(): string {
    return this.bytes === 0 ? '' : readFileSync(this.path, 'utf8');
  }

  [Symbol.dispose](): void {
    if (!this.open) return;
    this.open = false;
    closeSync(this.descriptor);
  }
}
