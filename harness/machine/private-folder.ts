import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Writable } from 'node:stream';
import tmp from 'tmp';

/** Waits until nobody holds its standard input any more, then removes the folder it was given as its argument. */
const sweeper = 'while read -r _; do :; done; rm -rf -- "$1"';

/** A folder that only this user can enter, removed with everything in it when disposed. Its path is short: sockets go into it. */
export class PrivateFolder implements Disposable {
  private constructor(
    readonly path: string,
    private readonly remove: () => void,
  ) {}

  /** @param within where to make it; the system's folder for temporary files where nothing is said. */
  static create(within?: string): PrivateFolder {
    const made = tmp.dirSync({
      prefix: 'godwit',
      mode: 0o700,
      unsafeCleanup: true,
      ...(within !== undefined && { tmpdir: within }),
    });
    return new PrivateFolder(made.name, made.removeCallback);
  }

  /** A folder that somebody else has swept already is no fault. */
  [Symbol.dispose](): void {
    if (existsSync(this.path)) this.remove();
  }
}

/**
 * A private folder that goes away even when every process of the harness is killed: a small process outside of it waits for
 * the end of all who hold `lease`, and sweeps.
 */
export class SweptFolder implements Disposable {
  private constructor(
    private readonly folder: PrivateFolder,
    private readonly guard: ChildProcess,
    /** Hand it to child processes that use the folder: it is swept when the last of them is gone. */
    readonly lease: Writable,
  ) {}

  static create(): SweptFolder {
    const folder = PrivateFolder.create();
    const guard = spawn('sh', ['-c', sweeper, 'godwit-sweeper', folder.path], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      cwd: '/',
    });
    // Without a sweeper the folder is still removed at every orderly end.
    guard.on('error', () => undefined);
    guard.stdin.on('error', () => undefined);
    guard.unref();
    return new SweptFolder(folder, guard, guard.stdin);
  }

  get path(): string {
    return this.folder.path;
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
    this.lease.end();
    this.guard.unref();
  }
}
