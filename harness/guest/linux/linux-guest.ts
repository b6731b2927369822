import type { Deadline } from '../../core/deadline.js';
import { DisposeStack } from '../../core/dispose.js';
import { GuestError } from '../../core/errors.js';
import type { Machine } from '../../machine/machine.js';
import { isEvent } from '../../qmp/messages.js';
import type { RunningGuest } from '../running-guest.js';
import { bootLinux, type BootedLinux } from './boot.js';
import { DiskLoad, MemoryLoad } from './loads.js';
import { blockDeviceOf, functionOf, type GuestFunction, interfaceOf, pciFunctions } from './pci.js';
import { plugDevice, plugMemory, plugProcessor, resizeMemory, unplugDevice } from './plug.js';
import type { CommandResult } from './session/session.js';
import { type GuestShell, quoted } from './shell.js';
import { GuestSlot, settleSlots } from './slot.js';
import type { LinuxSystem } from './system.js';

export interface LinuxStart {
  system: LinuxSystem;
  deadline: Deadline;
  /** True where it comes from a saved state in which it had booted. */
  resumed: boolean;
}

/** Milliseconds between two signs of life, where somebody listens for them. */
const tickMs = 20;

/**
 * A Linux with a shell, on whatever machine it is now. Nothing of it is known but what it answers; QMP is used only for what a
 * hypervisor does to it. Every action throws GuestError when the guest does not do it before the cell's deadline.
 */
export class LinuxGuest implements RunningGuest, GuestShell {
  private readonly undo = new DisposeStack();
  private ticking = false;

  private constructor(
    private here: Machine,
    private readonly booted: BootedLinux,
    /** That of the cell: nobody waits for this guest any longer. */
    readonly deadline: Deadline,
  ) {
    this.undo.use(booted);
  }

  /** Starts the guest of a machine that was just launched, and waits for its shell. */
  static async attach(machine: Machine, { system, deadline, resumed }: LinuxStart): Promise<LinuxGuest> {
    const booted = await bootLinux(machine, { deadline, shellPort: system.shellPort, resumed });
    return new LinuxGuest(machine, booted, deadline);
  }

  /** The QEMU that the guest is on now. */
  get machine(): Machine {
    return this.here;
  }

  async arrive(machine: Machine): Promise<void> {
    await this.booted.moveTo(machine);
    this.here = machine;
  }

  settle(): Promise<void> {
    return settleSlots(this);
  }

  async largestGapMs(sinceMs: number): Promise<number | undefined> {
    return this.ticking ? this.booted.session.ticks.gapUpToNext(sinceMs, this.deadline) : undefined;
  }

  /** Gives signs of life from now on, so that each migration tells for how long there were none (`guestDowntimeMs`). */
  async startTicking(): Promise<void> {
    await this.booted.session.startTicking(tickMs);
    this.ticking = true;
  }

  /** Runs a command in the guest's shell, and returns what it printed and its exit status. */
  run(command: string, deadline = this.deadline): Promise<CommandResult> {
    return this.booted.session.run(command, { deadline });
  }

  /** The output of a command that must succeed, without its last line feed. Throws GuestError with what it printed otherwise. */
  async sh(command: string): Promise<string> {
    const { output, status } = await this.run(command);
    if (status === 0) return output.replace(/\n$/, '');
    throw new GuestError(
      `'${command}' ended with status ${status} in the guest: ${output.trim() || 'it printed nothing'}`,
      {
        data: { command, status, output },
      },
    );
  }

  /** Waits until a test of the guest's shell holds. The guest looks every few milliseconds: its sysfs tells nobody of changes. */
  async until(test: string, what: string): Promise<void> {
    const { status } = await this.run(`until ${test}; do usleep 10000; done`).catch((thrown: unknown) => {
      if (thrown instanceof GuestError)
        throw new GuestError(`the guest never had ${what}: ${thrown.message}`, { cause: thrown });
      throw thrown;
    });
    if (status !== 0) throw new GuestError(`the guest could not wait for ${what}`);
  }

  /** Loads kernel modules; one that is built in, or loaded already, is no fault. */
  async loadModules(...names: string[]): Promise<void> {
    for (const name of names) await this.sh(`modprobe ${quoted(name)}`);
  }

  /** A file of sysfs or of any other filesystem, without its last line feed. */
  read(path: string): Promise<string> {
    return this.sh(`cat ${quoted(path)}`);
  }

  /** PCI functions as the guest has them, with the drivers that it has bound. */
  pciDevices(): Promise<GuestFunction[]> {
    return pciFunctions(this);
  }

  /** Plugs a device in with QMP, and resolves when the guest has found it. */
  hotplug(device: string): Promise<void> {
    return plugDevice(this, device);
  }

  /** Asks for a device back and resolves when QEMU has deleted it: the guest's kernel consents by itself. */
  unplug(id: string): Promise<void> {
    return unplugDevice(this, id);
  }

  /** Plugs in the first CPU that the machine has room for, and puts it online; its number in the guest. */
  hotplugCpu(): Promise<number> {
    return plugProcessor(this);
  }

  /** Plugs in a DIMM of so many MiB, and resolves when the guest uses it. */
  hotplugMemory(id: string, mebibytes: number): Promise<void> {
    return plugMemory(this, id, mebibytes);
  }

  /** Asks the virtio-mem device of that `-device` id for so many MiB in all, and resolves when the guest has them, or has given back what is more. */
  resizeMemory(id: string, mebibytes: number): Promise<void> {
    return resizeMemory(this, id, mebibytes);
  }

  /** The slot behind a root port or other bridge, by its `-device` id, as the guest's hotplug driver has it. */
  slot(id: string): Promise<GuestSlot> {
    return GuestSlot.of(this, id);
  }

  /** Brings up the network card of that `-device` id with an address of QEMU's user network, and pings the other end. */
  async ping(id: string, { own = '10.0.2.15', other = '10.0.2.2' } = {}): Promise<void> {
    const name = await interfaceOf(this, id);
    await this.sh(`ifconfig ${name} ${quoted(own)} netmask 255.255.255.0 up`);
    // One answer is enough; a card that has just come up may lose the first question.
    const ping = `ping -I ${name} ${quoted(other)}`;
    await this.sh(`${ping} -c 1 -W 1 || ${ping} -c 2 -W 5`);
  }

  /** Writes to the disk of that `-device` id from now on, without end. */
  async loadDisk(id: string): Promise<DiskLoad> {
    return DiskLoad.start(this, await blockDeviceOf(this, id));
  }

  /** Writes so many MiB of memory over and over from now on, without end; it takes three times as much. */
  loadMemory(mebibytes: number): Promise<MemoryLoad> {
    return MemoryLoad.start(this, mebibytes);
  }

  /** Suspends the guest to RAM, and resolves when QEMU says that it has. */
  async suspend(): Promise<void> {
    const suspended = this.here.events.until({
      what: `SUSPEND of the ${this.here.label} QEMU`,
      goal: (event) => (isEvent(event, 'SUSPEND') ? true : undefined),
      deadline: this.deadline,
    });
    await this.sh('( (usleep 50000; echo mem > /sys/power/state) < /dev/null > /dev/null 2>&1 & )');
    await suspended;
  }

  /** Wakes a guest that was suspended to RAM, and resolves when its shell answers. Throws ExecuteError when QEMU has it as not suspended. */
  async wake(deadline = this.deadline): Promise<void> {
    const woken = this.here.events.until({
      what: `WAKEUP of the ${this.here.label} QEMU`,
      goal: (event) => (isEvent(event, 'WAKEUP') ? true : undefined),
      deadline,
    });
    // Where QEMU refuses, nobody awaits it.
    woken.catch(() => undefined);
    await this.here.qmp.execute('system_wakeup');
    await woken;
    await this.run(':', deadline);
  }

  /** Asks the guest's balloon to leave it so many MiB, and resolves when it has; the module virtio_balloon must be loaded. */
  async balloon(mebibytes: number): Promise<void> {
    const bytes = mebibytes * 2 ** 20;
    const done = this.here.events.until({
      what: `the balloon to leave ${mebibytes} MiB`,
      goal: (event) => (isEvent(event, 'BALLOON_CHANGE') && event.data.actual === bytes ? true : undefined),
      deadline: this.deadline,
    });
    await this.here.qmp.execute('balloon', { value: bytes });
    await done;
  }

  /** The address of a device's function as the guest writes it, by its `-device` id. */
  addressOf(id: string): Promise<string> {
    return functionOf(this, id);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.undo[Symbol.asyncDispose]();
  }
}
