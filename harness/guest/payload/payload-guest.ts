import type { Deadline } from '../../core/deadline.js';
import { DisposeStack } from '../../core/dispose.js';
import { GuestError, StateError, UsageError } from '../../core/errors.js';
import type { Machine } from '../../machine/machine.js';
import { familyOf } from '../../machine/family.js';
import { EcamAccess, type PciAccess } from '../../pci/access.js';
import type { PortWidth } from '../../qtest/client.js';
import { firstSerial } from '../first-serial.js';
import { locateRam, readRam } from '../state/memory.js';
import { aarch64Commands } from './aarch64-commands.js';
import { GuestMemory } from './guest-memory.js';
import { PayloadPort } from './port.js';
import { type Command, commands } from './protocol.js';
import { pageBytes, type WalkedRange, WalkLaw } from './walk.js';
import { type PortField, x86Commands, X86ConfigAccess } from './x86-ports.js';

/** For messages. */
const itself = 'its payload guest';
/** Where in RAM the guest walks when it starts, to the end of RAM or of 2 GiB; and VALUE of its STATE in its source. */
const places = { first: 0x100000, word: 0x8010 };
/** Memory that the guest maps, by architecture. */
const mappedBytes: Readonly<Record<string, number>> = { x86_64: 2 ** 32, aarch64: 2 ** 39 };
/** Milliseconds that the guest's clock is compared with the host's: the rate is then right to a hundredth. */
const calibrationMs = 50;
/** Bytes that the walk dirties in a second of the guest's own time at most; 'none' pauses it, 'unlimited' lets it run. */
export type DirtyRate = { bytesPerSecond: number } | 'none' | 'unlimited';

/**
 * A guest of a few hundred bytes that dirties memory in a known way, at a known rate, and does what it is asked on its first serial port. It goes
 * from machine to machine with the migrations; whoever migrates tells it with `arrive`. All methods throw GuestError when it does not answer.
 */
export class PayloadGuest implements AsyncDisposable {
  private ticksPerSecond: number | undefined;
  private walked: WalkedRange | undefined;
  /** Configuration space as the guest sees it, by its own instructions. */
  readonly access: PciAccess;

  private constructor(
    private current: Machine,
    private readonly port: PayloadPort,
    private readonly deadline: Deadline,
  ) {
    const request = (command: Command): Promise<bigint> => this.request(command);
    const { architecture, ecam } = familyOf(current.spec.machineType);
    const isX86 = architecture === 'x86_64' || !ecam;
    this.access = isX86 ? new X86ConfigAccess(request) : new EcamAccess(new GuestMemory(request), ecam.base);
  }

  /**
   * Starts the guest of a machine that was just launched with the payload's image as `-bios` and a serial port, and waits for its hello. It
   * walks nothing yet. Throws GuestError when anything else is heard, or nothing, before the deadline, which holds for all that follows.
   */
  static async attach(machine: Machine, deadline: Deadline): Promise<PayloadGuest> {
    await using undo = new DisposeStack();
    const port = new PayloadPort(firstSerial(machine, itself));
    undo.defer(() => port.close());
    const hello = port.hello(deadline);
    // A refused `cont` is the better reason.
    hello.catch(() => undefined);
    const [, ram] = await Promise.all([machine.qmp.execute('cont'), locateRam(machine)]);
    await hello;
    const guest = new PayloadGuest(machine, port, deadline);
    const range = { first: ram.base + places.first, bytes: ram.bytes - places.first };
    if (guest.architecture === 'aarch64') await guest.request(aarch64Commands.begin(range.first, range.bytes));
    guest.walked = range;
    // What was registered is the guest's own to do from here on.
    undo.move();
    return guest;
  }

  /** The machine that it is on. */
  get machine(): Machine {
    return this.current;
  }

  /** What it walks. Throws StateError when a `setRange` has failed half-way. */
  get range(): WalkedRange {
    if (this.walked) return this.walked;
    throw new StateError('nobody knows what the payload guest walks: its range was being changed');
  }

  /** Takes up with the machine that it came to by migration, which may still be stopped. What it was being asked is asked there again. */
  arrive(machine: Machine): Promise<void> {
    this.current = machine;
    this.ticksPerSecond = undefined;
    this.port.moveTo(firstSerial(machine, itself));
    return Promise.resolve();
  }

  /** Stops the walk between two pages: the rounds completed. */
  async pause(): Promise<number> {
    return Number(await this.request(commands.pause));
  }

  async resume(): Promise<void> {
    await this.request(commands.resume);
  }

  /** The rounds completed since the range was set. */
  async rounds(): Promise<number> {
    return Number(await this.request(commands.rounds));
  }

  /** The address of the page that is written next. */
  async position(): Promise<number> {
    return Number(await this.request(commands.position));
  }

  /** Zeroes whole pages above the first MiB of RAM and walks them from now on, beginning with round 1. Throws UsageError for what is no such range of RAM. */
  async setRange(first: number, bytes: number): Promise<void> {
    const isWhole = [first, bytes].every((count) => Number.isSafeInteger(count) && count % pageBytes === 0);
    const ram = await locateRam(this.current);
    const [begin, end] = [ram.base + places.first, ram.base + ram.bytes];
    if (!isWhole || first < begin || bytes <= 0 || first + bytes > end) {
      throw new UsageError(
        `${bytes} bytes from ${first} cannot be walked; accepted: whole pages of ${pageBytes} between ${begin} and ${end}`,
      );
    }
    this.walked = undefined;
    await this.request(commands.setRange(first, bytes));
    this.walked = { first, bytes };
  }

  /** Sets the pace of the walk and lets it go on, or pauses it. The first rate on a machine takes 50 ms, in which clocks are compared. */
  async setDirtyRate(rate: DirtyRate): Promise<void> {
    if (rate === 'none') {
      await this.pause();
      return;
    }
    await this.request(commands.setInterval(rate === 'unlimited' ? 0n : await this.ticksPerPage(rate)));
    await this.resume();
  }

  /** `checksumOf` a range of memory, as the guest reads it, of what it maps. */
  checksum(from: number, bytes: number): Promise<bigint> {
    if (![from, bytes].every((count) => Number.isSafeInteger(count) && count >= 0 && count % 4 === 0)) {
      return Promise.reject(new UsageError(`${bytes} bytes from ${from} have no checksum; accepted: multiples of 4`));
    }
    return this.reaching(from, bytes, () => commands.checksum(from, bytes));
  }

  /**
   * Reads memory, or a register behind a memory BAR: below 4 GiB on x86, below 512 GiB on arm64, where an address that nothing decodes resets the
   * machine.
   */
  readMemory(address: number, width: 1 | 2 | 4 | 8): Promise<bigint> {
    return this.reaching(address, width, () => commands.readMemory(address, width));
  }

  /** Writes what `readMemory` reads. */
  async writeMemory(address: number, width: 1 | 2 | 4 | 8, value: bigint): Promise<void> {
    await this.reaching(address, width, () => commands.writeMemory(address, width, value));
  }

  /** Of an x86 machine alone: throws UsageError where there are no ports. */
  async readPort(port: number, width: PortWidth): Promise<number> {
    return Number(await this.requestOfX86(x86Commands.in({ port, width })));
  }

  /** Of an x86 machine alone. */
  async writePort(at: PortField, value: number): Promise<void> {
    await this.requestOfX86(x86Commands.out(at, value));
  }

  /** Ticks since the machine was reset; they stand still while the machine is stopped. */
  timeStampCounter(): Promise<bigint> {
    return this.request(commands.timeStampCounter);
  }

  /**
   * Proves that memory is what the walk can have left there, of the guest's machine or of one that it was on. A machine that runs is stopped
   * for that moment. Throws GuestError that names the machine, the first wrong pages, and where in them.
   */
  async checkMemory(machine: Machine = this.current): Promise<void> {
    const { range } = this;
    const { running } = await machine.qmp.execute('query-status');
    if (running) await machine.qmp.execute('stop');
    const ram = await locateRam(machine);
    const law = await readRam(machine, ram, () => new WalkLaw(range, ram.base + places.word)).finally(async () => {
      // A migration may have taken the guest away meanwhile: then it must not go on here.
      if (running && (await machine.qmp.execute('query-status')).status === 'paused') await machine.qmp.execute('cont');
    });
    const { pages, count } = law.verdict();
    if (count === 0) return;
    const more = count > pages.length ? `; and ${count - pages.length} pages more` : '';
    throw new GuestError(
      `the memory of the ${machine.label} QEMU is not what the guest wrote: ${pages.map(({ summary }) => summary).join('; ')}${more}`,
      { data: { label: machine.label, count, pages } },
    );
  }

  /** Speaks to it no more; its machine stays as it is. */
  [Symbol.asyncDispose](): Promise<void> {
    this.port.close();
    return Promise.resolve();
  }

  private get architecture(): string {
    return familyOf(this.current.spec.machineType).architecture;
  }

  private request(command: Command): Promise<bigint> {
    return this.port.request(command, this.deadline);
  }

  /** The same opcodes mean something else to guests of other architectures. */
  private requestOfX86(command: Command): Promise<bigint> {
    if (this.architecture === 'x86_64') return this.request(command);
    return Promise.reject(
      new UsageError(`a ${this.architecture} machine has no ports: it was asked for ${command.what}`),
    );
  }

  /** What the guest does not map would reset the machine. */
  private reaching(address: number, bytes: number, makeCommand: () => Command): Promise<bigint> {
    const mapped = mappedBytes[this.architecture] ?? 0;
    const isReached = Number.isSafeInteger(address) && address >= 0 && address + bytes <= mapped;
    if (isReached) return this.request(makeCommand());
    const accepted = `below ${mapped / 2 ** 30} GiB`;
    return Promise.reject(new UsageError(`${address} is out of the payload guest's reach; accepted: ${accepted}`));
  }

  private async ticksPerPage({ bytesPerSecond }: { bytesPerSecond: number }): Promise<bigint> {
    if (!(bytesPerSecond > 0)) {
      throw new UsageError(`${bytesPerSecond} bytes a second are no dirty rate; accepted: more than 0`);
    }
    this.ticksPerSecond ??= await this.calibrate();
    return BigInt(Math.round((this.ticksPerSecond * pageBytes) / bytesPerSecond));
  }

  /** Asks for the time again and again, for nothing but the guest tells how fast its clock is. */
  private async calibrate(): Promise<number> {
    const first = await this.moment();
    let last = first;
    while (last.ms - first.ms < calibrationMs) last = await this.moment();
    return (Number(last.ticks - first.ticks) * 1000) / (last.ms - first.ms);
  }

  private async moment(): Promise<{ ticks: bigint; ms: number }> {
    const beforeMs = performance.now();
    const ticks = await this.timeStampCounter();
    return { ticks, ms: (beforeMs + performance.now()) / 2 };
  }
}
