import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { findOnPath } from '../../../../harness/build/child.js';
import { guestKernel } from '../../../../harness/build/deb/guest-kernel.js';
import { Deadline } from '../../../../harness/core/deadline.js';
import { StateError } from '../../../../harness/core/errors.js';

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
      child.kill('SIGKILL');
      await ended;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    this.wire.destroy();
  }
}

/** The shell of our own guests, run on the host. */
export async function busyboxShell(): Promise<string> {
  const options = { arch: 'x86_64', fetch: true, deadline: Deadline.after(50_000) };
  return `${(await guestKernel('deb:bookworm', options)).busybox} sh`;
}
