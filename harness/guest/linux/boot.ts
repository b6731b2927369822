import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Deadline } from '../../core/deadline.js';
import { ConnectError, ExitedError, GuestError, messageOf, UsageError } from '../../core/errors.js';
import { within } from '../../core/within.js';
import type { LogFile } from '../../machine/log-file.js';
import type { Machine } from '../../machine/machine.js';
import { GuestConsole } from './console.js';
import { ShellSession } from './session/session.js';

export interface BootOptions {
  deadline: Deadline;
  /** The serial port on which a shell answers: 1 unless told, beside the kernel's console on 0; with 0 they share that one. */
  shellPort?: 0 | 1;
  /** True where the machine comes from a saved state in which its guest had booted; only the words of errors differ. */
  resumed?: boolean;
}

/** How long a QEMU whose serial port closed may take to end, in milliseconds. */
const exitPatienceMs = 2000;

/** A Linux guest that has booted: its shell, and what its kernel says. Disposing it leaves the machine and the logs. */
export class BootedLinux implements AsyncDisposable {
  readonly console: GuestConsole;
  readonly session: ShellSession;
  private log: LogFile;
  private stopListening: () => void = () => undefined;

  private constructor(
    private readonly shellPort: 0 | 1,
    machine: Machine,
    deadline: Deadline,
  ) {
    this.console = new GuestConsole((reason) => this.session.fail(reason));
    this.log = this.listen(machine);
    this.session = ShellSession.on(portOf(machine, shellPort), {
      deadline,
      tail: () => (shellPort === 0 ? '' : this.console.tail),
      onText: (direction, text) => this.note(direction, text),
    });
  }

  /** Used by `bootLinux`: lets the machine run, and waits for the shell. */
  static async on(machine: Machine, { deadline, shellPort = 1, resumed = false }: BootOptions): Promise<BootedLinux> {
    // Before anything is opened: a machine without that port is a mistake of the caller's.
    portOf(machine, shellPort);
    const booted = new BootedLinux(shellPort, machine, deadline);
    try {
      const opened = booted.session.synchronise(deadline);
      opened.catch(() => undefined);
      await machine.qmp.execute('cont');
      await opened;
      return booted;
    } catch (thrown) {
      const reason = await endOf(machine, thrown);
      await booted[Symbol.asyncDispose]();
      const what = resumed ? 'did not come back from its saved state' : 'did not boot';
      throw new GuestError(`the guest of the ${machine.label} QEMU ${what}: ${messageOf(reason)}`, { cause: reason });
    }
  }

  /** Follows the guest to the machine that it has migrated to, whether that runs already or is still held. */
  async moveTo(machine: Machine): Promise<void> {
    this.stopListening();
    this.log = this.listen(machine);
    await this.session.moveTo(portOf(machine, this.shellPort));
  }

  /** Listens to the guest no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stopListening();
    await this.session[Symbol.asyncDispose]();
    this.console[Symbol.dispose]();
  }

  /** Its files are named after the machine; the one that is returned takes what goes over the wire of the shell. */
  private listen(machine: Machine): LogFile {
    const file = (name: string): string => join(machine.options.logFolder, `${machine.label}.${name}`);
    if (this.shellPort !== 0) this.console.listen(portOf(machine, 0), file('console'));
    this.stopListening = machine.events.listen(
      () => undefined,
      (reason) => this.session.fail(reason),
    );
    return this.console.keep(file(this.shellPort === 0 ? 'console' : 'shell'));
  }

  /** The record of a shell's wire has both directions; on a shared port what comes is the kernel's console as well. */
  private note(direction: '>' | '<', text: string): void {
    if (this.shellPort === 0 && direction === '<') this.console.hear(text, this.log);
    else if (this.shellPort === 1) this.log.write(text);
  }
}

/**
 * Boots the Linux of a machine that was just launched, and opens a session with its shell. Throws GuestError before the deadline
 * whatever is wrong with what it boots: with what was awaited, the last that the guest said, and QEMU's own words when it ended.
 */
export function bootLinux(machine: Machine, options: BootOptions): Promise<BootedLinux> {
  return BootedLinux.on(machine, options);
}

function portOf(machine: Machine, port: 0 | 1): Duplex {
  const wire = machine.serials[port];
  if (wire) return wire;
  throw new UsageError(
    `the ${machine.label} QEMU has ${machine.serials.length} serial ports: its Linux guest needs ${port + 1}`,
  );
}

/** A closed wire is how a QEMU that ends shows first: its exit status and log tell more. */
async function endOf(machine: Machine, thrown: unknown): Promise<unknown> {
  if (!(thrown instanceof ConnectError)) return thrown;
  if (!(await within(machine.exit, exitPatienceMs))) return thrown;
  const reason = await machine.events
    .until({ what: 'its end', goal: () => undefined, deadline: machine.options.deadline })
    .catch((error: unknown) => error);
  return reason instanceof ExitedError ? reason : thrown;
}
