import type { Duplex } from 'node:stream';
import { GuestError } from '../../core/errors.js';
import { LogFile } from '../../machine/log-file.js';
import { lastLines } from './session/shown.js';

/**
 * What a kernel says when it cannot go on, or when what it does from now on proves nothing. A lockup may be the fault of a host that had no
 * time for the guest, and is left out.
 */
const badEnds: readonly RegExp[] = [
  /Kernel panic - not syncing.*/,
  /No working init found.*/,
  /VFS: Unable to mount root.*/,
  /\bBUG: (?!soft lockup|workqueue lockup).*/,
  /\bOops: .*/,
  // "general protection fault, …: 0000 [#1]": how die() counts (arch/x86/kernel/dumpstack.c), whatever it died of.
  /.*: [\da-f]{4} \[#\d+\].*/,
];
/** As much of the console's text is kept in memory, in characters. */
const keptLength = 16 * 1024;

/** The console of a guest's kernel: kept in files, and watched for what a kernel says at a bad end. */
export class GuestConsole implements Disposable {
  private readonly logs: LogFile[] = [];
  private readonly detach: (() => void)[] = [];
  private text = '';
  private searchedTo = 0;
  private found = false;

  /** @param onBadEnd is told once, with the kernel's own words and the last that the console said. */
  constructor(private readonly onBadEnd: (reason: GuestError) => void) {}

  /** Listens to a console from now on, and keeps what it says in a file; what it heard elsewhere remains. */
  listen(wire: Duplex, path: string): void {
    const log = this.keep(path);
    const hear = (chunk: Buffer): void => this.hear(chunk, log);
    wire.on('data', hear);
    wire.on('error', ignore);
    this.detach.push(() => wire.off('data', hear));
  }

  /** A file for what is handed to `hear`. */
  keep(path: string): LogFile {
    const log = new LogFile(path);
    this.logs.push(log);
    return log;
  }

  /** Takes note of what came from a console that somebody else listens to. */
  hear(chunk: Buffer | string, log: LogFile): void {
    log.write(chunk);
    this.text += chunk.toString('latin1');
    // A line that is not whole yet would be told as it is.
    const whole = this.text.lastIndexOf('\n') + 1;
    this.search(this.text.slice(this.searchedTo, whole));
    this.searchedTo = Math.max(this.searchedTo, whole);
    const excess = this.text.length - keptLength;
    if (excess < keptLength) return;
    this.text = this.text.slice(excess);
    this.searchedTo = Math.max(0, this.searchedTo - excess);
  }

  /** The last lines that it said, without control characters. */
  get tail(): string {
    return lastLines(this.text, 15);
  }

  /** Listens no more. */
  [Symbol.dispose](): void {
    for (const detach of this.detach.splice(0)) detach();
    for (const log of this.logs.splice(0)) log[Symbol.dispose]();
  }

  private search(news: string): void {
    if (this.found) return;
    const words = badEnds.flatMap((pattern) => pattern.exec(news)?.[0] ?? [])[0];
    if (words === undefined) return;
    this.found = true;
    // What else comes with this chunk is part of what the console said.
    queueMicrotask(() => {
      const said = `the last of its console:\n${this.tail}`;
      this.onBadEnd(new GuestError(`the guest's kernel said "${lastLines(words, 1)}"; ${said}`));
    });
  }
}

function ignore(): void {
  // A machine that is killed resets its sockets; its exit tells more.
}
