import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Writable } from 'node:stream';
import tmp from 'tmp';

/**
 * Keeps a list of process groups by what it reads (`watch PID`, `forget PID`) until its standard input ends with whoever holds
 * it; then ends those groups, and removes the folder it was given as its argument.
 */
const sweeper = `
groups=
while read -r verb group; do
  kept=
  for known in $groups; do [ "$known" = "$group" ] || kept="$kept $known"; done
  groups=$kept
  [ "$verb" = watch ] && groups="$groups $group"
done
for group in $groups; do kill -s KILL -- "-$group"; done
rm -rf -- "$1"`;

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
 * A private folder that goes away even when its owner is killed: a small process outside waits for the owner's end, ends the
 * process groups that it was told of, and sweeps.
 */
export class SweptFolder implements Disposable {
  private constructor(
    private readonly folder: PrivateFolder,
    private readonly guard: ChildProcess,
    private readonly orders: Writable,
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

  /** From now on the process group of that id ends with the owner of the folder, however it ends. */
  watchGroup(id: number): void {
    this.orders.write(`watch ${id}\n`);
  }

  /** The group has ended: its id may soon mean another one. */
  forgetGroup(id: number): void {
    this.orders.write(`forget ${id}\n`);
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
    this.orders.end();
    this.guard.unref();
  }
}
