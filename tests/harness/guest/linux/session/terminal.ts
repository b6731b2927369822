import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { findOnPath } from '../../../../../harness/build/child.js';
import { guestKernel } from '../../../../../harness/build/deb/guest-kernel.js';
import { Deadline } from '../../../../../harness/core/deadline.js';
import { StateError } from '../../../../../harness/core/errors.js';

/** A shell on a real terminal of the host's (util-linux's script makes it), with this process at the other end of its wire. */
export class Terminal implements AsyncDisposable {
  private constructor(
    readonly wire: Duplex,
    private readonly end: () => Promise<void>,
  ) {}

  /** @param command what runs on the terminal, in the words of a shell. */
  static open(command: string): Terminal {
    const script = findOnPath('script');
    if (script === undefined) throw new StateError('there is no script (util-linux) on PATH');
    const child = spawn(script, ['--quiet', '--flush', '--return', '--command', command, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'], TERM: 'dumb', PS1: '$ ' },
    });
    const wire = Duplex.from({ readable: child.stdout, writable: child.stdin });
    wire.on('error', () => undefined);
    const ended = once(child, 'close');
    return new Terminal(wire, async () => {
      // A script that is ended leaves its shell behind, which stops at a terminal that is gone.
      for (const pid of child.pid === undefined ? [] : familyOf(child.pid)) kill(pid);
      await ended;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    this.wire.destroy();
  }
}

/** A process and all that it has started, as the kernel lists them. */
function familyOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ');
  return [...children.flatMap((child) => (child === '' ? [] : familyOf(Number(child)))), pid];
}

/** Ends a process that may have ended by itself. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Its end came first.
  }
}

/** The shell of our own guests, run on the host. */
export async function busyboxShell(): Promise<string> {
  const options = { arch: 'x86_64', fetch: true, deadline: Deadline.after(50_000) };
  return `${(await guestKernel('deb:bookworm', options)).busybox} sh`;
}
