import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Deadline } from '../core/deadline.js';
import { tied } from '../build/child.js';
import { DisposeStack } from '../core/dispose.js';
import { ExitedError, LaunchError, messageOf, StateError } from '../core/errors.js';
import { SocketListener } from '../core/socket.js';
import { Watch } from '../core/watch.js';
import { within } from '../core/within.js';
import { QmpClient, type Transcript } from '../qmp/client.js';
import { isEvent, type QmpEvent } from '../qmp/messages.js';
import { QtestClient } from '../qtest/client.js';
import { type ProcessEnd, startProcess } from './child-process.js';
import { environmentOf, harnessCommandLine, type MachineSpec, printable, socketsOf } from './command-line.js';
import {
  deviceAddArguments,
  type DeviceLine,
  formatDeviceLine,
  parseDeviceLine,
  type PropertyTypes,
  withoutDevice,
} from './device-line.js';
import { LogFile } from './log-file.js';

/** A QEMU process that has ended. */
export interface ExitedMachine {
  /** Undefined when a signal ended it. */
  exitCode?: number;
  /** Name of the signal that ended it: 'SIGSEGV'. */
  signal?: string;
}

/** Called with every line sent to a machine: what it takes to do the same without Godwit. */
export type WireObserver = (label: string, channel: 'qmp' | 'qtest', line: string) => void;

export interface LaunchOptions {
  /** Short name of the machine in its cell: 'source', 'destination', 'hop-2'. Names its files. */
  label: string;
  /** Private folder (0700) for sockets. */
  folder: string;
  /** Folder for the standard error and the QMP transcript, kept after the run. */
  logFolder: string;
  deadline: Deadline;
  /** A file that the process gets open as its file descriptor 3: a saved stream to come in as `fd:3`. */
  inherits?: string;
  onSend?: WireObserver;
  /** Called with the milliseconds from the start to the process being there, and from there to the negotiated QMP. */
  onPhase?: (phase: 'spawn' | 'greeting', ms: number) => void;
}

interface Wires {
  qmp: QmpClient;
  qtest: QtestClient;
  serials: readonly Duplex[];
}

/** How long after its QMP connection closed a process may live before it counts as hung up, in milliseconds. */
const exitPatienceMs = 2000;

/**
 * One running QEMU with its monitor and its qtest socket. Whoever waits on `events` fails at once when the process ends.
 * Disposing it ends the process, whatever state it is in, and leaves its logs.
 */
export class Machine implements AsyncDisposable {
  private static readonly live = new Set<Machine>();

  readonly events = new Watch<QmpEvent>((seen) => `${seen.event} ${JSON.stringify(seen.data ?? {})}`);
  /** Process id of the QEMU; undefined when it could not be started. */
  readonly pid: number | undefined;
  /** Resolves, and never rejects, when the process has ended. */
  readonly exit: Promise<ExitedMachine>;
  exited: ExitedMachine | undefined;
  /** Set by `kill`: an end that we caused says nothing about QEMU. */
  killedByUs = false;

  /** What the command line would have to carry now to describe the machine: what it had, less what was unplugged, and what was hotplugged. */
  words: readonly string[];

  private readonly propertyTypes = new Map<string, Promise<PropertyTypes>>();
  private wires: Wires | undefined;
  private readonly kill9: () => void;

  private constructor(
    readonly spec: MachineSpec,
    readonly options: LaunchOptions,
    private readonly logs: { stderr: LogFile; transcript: LogFile },
  ) {
    this.words = spec.words;
    const line = tied(harnessCommandLine(spec, options.folder, options.label));
    const file = options.inherits === undefined ? undefined : openSync(options.inherits, 'r');
    const { pid, kill, end } = startProcess(line, { env: environmentOf(spec), file }, (chunk) =>
      logs.stderr.write(chunk),
    );
    if (file !== undefined) closeSync(file);
    this.pid = pid;
    this.kill9 = kill;
    Machine.live.add(this);
    this.exit = end.then((ended) => this.onExit(ended));
  }

  /**
   * Starts QEMU and negotiates QMP. Throws LaunchError with the end of its log when it ends first or does not answer in time.
   */
  static async launch(spec: MachineSpec, options: LaunchOptions): Promise<Machine> {
    await using undo = new DisposeStack();
    const startedMs = performance.now();
    const { qmp, qtest, serials } = socketsOf(options.folder, options.label, spec);
    const listeners: SocketListener[] = [];
    for (const path of [qmp, qtest, ...serials]) listeners.push(undo.use(await SocketListener.listen({ path })));
    const stderr = new LogFile(join(options.logFolder, `${options.label}.stderr`));
    const transcript = new LogFile(join(options.logFolder, `${options.label}.qmp-transcript`));
    const machine = undo.use(new Machine(spec, options, { stderr, transcript }));
    options.onPhase?.('spawn', performance.now() - startedMs);
    const spawnedMs = performance.now();
    const connected = await machine.whileAlive(
      Promise.all(listeners.map(({ peer }) => peer)),
      'connected to its monitor sockets',
    );
    await machine.negotiate(connected);
    options.onPhase?.('greeting', performance.now() - spawnedMs);
    undo.move();
    return machine;
  }

  /** Sends SIGKILL to every QEMU that this process started and that still runs: for a process that is about to end. */
  static killAll(): void {
    for (const machine of Machine.live) machine.kill9();
  }

  get label(): string {
    return this.options.label;
  }

  get qmp(): QmpClient {
    return this.connected.qmp;
  }

  get qtest(): QtestClient {
    return this.connected.qtest;
  }

  /** The other ends of its serial ports, as many as its spec asks for: whoever takes one reads it, or the guest waits. */
  get serials(): readonly Duplex[] {
    return this.connected.serials;
  }

  /** Plugs a device in while the machine runs. Throws ExecuteError when QEMU refuses it. */
  async addDevice(device: DeviceLine): Promise<void> {
    const types = await this.typesOf(device.driver);
    await this.qmp.execute('device_add', deviceAddArguments(device, types));
    this.words = [...this.words, '-device', formatDeviceLine(device)];
  }

  /** Makes a user-creatable object (`object-add`) from the value of an `-object`. Throws ExecuteError when QEMU refuses it. */
  async addObject(text: string): Promise<void> {
    const object = parseDeviceLine(text);
    const properties = await this.qmp.execute('qom-list-properties', { typename: object.driver });
    const types = new Map(properties.map(({ name, type }) => [name, type]));
    const { driver, ...values } = deviceAddArguments(object, types);
    await this.qmp.execute<string>('object-add', { 'qom-type': driver, ...values });
    this.words = [...this.words, '-object', formatDeviceLine(object)];
  }

  /** Asks the guest for a device (`device_del`). What is returned resolves when QEMU has deleted it: await it after the guest's consent. */
  async requestRemoval(id: string, deadline: Deadline): Promise<{ deleted: Promise<true> }> {
    const deleted = this.deletionOf(id, deadline);
    await this.qmp.execute('device_del', { id });
    return { deleted };
  }

  /** Resolves when QEMU says from now on that it has deleted a device. Throws WaitImpossibleError when the guest refuses to let it go. */
  deletionOf(id: string, deadline: Deadline): Promise<true> {
    return this.events.until({
      what: `DEVICE_DELETED of ${id}`,
      goal: (event) => (isEvent(event, 'DEVICE_DELETED') && event.data.device === id ? (true as const) : undefined),
      impossible: (event) =>
        isEvent(event, 'DEVICE_UNPLUG_GUEST_ERROR') && event.data.device === id ? 'the guest refused' : undefined,
      deadline,
    });
  }

  /** Takes note that a device is gone: a destination started from now on has none. */
  forgetDevice(id: string): void {
    this.words = withoutDevice(this.words, id);
  }

  /** The command line as it can be run by hand. */
  get printable(): string {
    return printable(this.spec, this.label);
  }

  /** All that the process has written to its standard output and error. */
  log(): string {
    return this.logs.stderr.read();
  }

  /** The trace events of its spec that have happened, one line each, in their order. */
  trace(): string[] {
    const { trace } = socketsOf(this.options.folder, this.label, this.spec);
    if (trace === undefined || !existsSync(trace)) return [];
    // Up to 5.2 a line begins with the process and the time.
    return readFileSync(trace, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => line.replace(/^\d+@\d+\.\d+:/, ''));
  }

  /** Ends the process with SIGKILL and waits for its end. */
  async kill(): Promise<ExitedMachine> {
    if (!this.exited) {
      this.killedByUs = true;
      this.kill9();
    }
    return this.exit;
  }

  /** Ends the process and closes what was opened; the logs stay. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    this.wires?.qmp.close();
    this.wires?.qtest.close();
    for (const serial of this.wires?.serials ?? []) serial.destroy();
    this.logs.transcript[Symbol.dispose]();
    this.logs.stderr[Symbol.dispose]();
  }

  private typesOf(driver: string): Promise<PropertyTypes> {
    const known = this.propertyTypes.get(driver);
    if (known) return known;
    const asked = this.qmp
      .execute('device-list-properties', { typename: driver })
      .then((properties) => new Map(properties.map(({ name, type }) => [name, type])));
    this.propertyTypes.set(driver, asked);
    return asked;
  }

  private get connected(): Wires {
    if (!this.wires) throw new StateError(`the ${this.label} QEMU is not connected yet`);
    return this.wires;
  }

  private async negotiate([qmpWire, qtestWire, ...serials]: readonly Duplex[]): Promise<void> {
    if (!qmpWire || !qtestWire) throw new StateError(`the ${this.label} QEMU has no monitor`);
    const { onSend, deadline } = this.options;
    const transcript: Transcript = (direction, line) => {
      this.logs.transcript.write(`${direction} ${line}\n`);
      if (direction === '>') onSend?.(this.label, 'qmp', line);
    };
    const qtest = new QtestClient(qtestWire, {
      transcript: (direction, line) => {
        if (direction === '>') onSend?.(this.label, 'qtest', line);
      },
    });
    const qmp = await this.whileAlive(QmpClient.connect(qmpWire, { deadline, transcript }), 'answered on QMP');
    qmp.events.listen(
      (event) => this.events.publish(event),
      (reason) => this.onQmpClosed(reason),
    );
    this.wires = { qmp, qtest, serials };
  }

  /** The process is about to end when its monitor closes; when it does not, whoever waits must not wait for ever. */
  private onQmpClosed(reason: Error): void {
    const timer = setTimeout(() => this.events.end(reason), exitPatienceMs);
    void this.exit.then(() => clearTimeout(timer));
  }

  private onExit({ fault, ...exited }: ProcessEnd): ExitedMachine {
    this.exited = exited;
    if (fault !== undefined) this.logs.stderr.write(`${fault}\n`);
    Machine.live.delete(this);
    this.events.end(new ExitedError(`the ${this.label} QEMU ${this.describeExit(exited)}`));
    return exited;
  }

  private describeEnd({ exitCode, signal }: ExitedMachine): string {
    if (signal !== undefined) return `was ended by ${signal}`;
    return exitCode === undefined ? 'could not be started' : `exited with status ${exitCode}`;
  }

  private describeExit(exited: ExitedMachine): string {
    const how = this.describeEnd(exited);
    const tail = this.log().trimEnd().split('\n').slice(-5).join('\n');
    return tail === '' ? `${how} and said nothing` : `${how}; the end of its log:\n${tail}`;
  }

  /** What `awaited` resolves with, unless the process ends or the deadline passes first. */
  private async whileAlive<T>(awaited: Promise<T>, what: string): Promise<T> {
    const { deadline } = this.options;
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(this.launchError(`has not ${what} within ${deadline.totalMs} ms`));
      }, deadline.remainingMs);
    });
    const ended = this.exit.then((exited) => {
      throw this.launchError(this.describeExit(exited));
    });
    // Whichever loses the race must not become an unhandled rejection.
    for (const loser of [awaited, tooLate, ended]) loser.catch(() => undefined);
    try {
      return await Promise.race([awaited, tooLate, ended]);
    } catch (thrown) {
      if (thrown instanceof LaunchError) throw thrown;
      // A closed socket is how a dying process shows first: its exit status tells more.
      await within(ended, Math.min(exitPatienceMs, deadline.remainingMs));
      throw this.launchError(`has not ${what}: ${messageOf(thrown)}`, thrown);
    } finally {
      clearTimeout(timer);
    }
  }

  private launchError(what: string, cause?: unknown): LaunchError {
    const exit = this.exited ?? {};
    return new LaunchError(`the ${this.label} QEMU (${this.spec.build.name}) ${what}`, {
      data: { label: this.label, commandLine: this.printable, log: this.log(), ...exit },
      cause,
    });
  }
}
