import { join } from 'node:path';
import type { Build } from '../build/build.js';
import { findFamily, type MachineFamily } from './family.js';
import { quoteWord } from './words.js';

/** Everything that decides what a QEMU is; the same spec on two builds makes a pair. */
export interface MachineSpec {
  build: Build;
  /** As `-machine` takes it: the type, with options if there are any ("pc-q35-6.0" or "q35,smm=off"). */
  machineType: string;
  accel: string;
  memoryMiB: number;
  /** Devices, backends and whatever else the command line carries, in QEMU's own syntax. */
  words: readonly string[];
  /** True when it waits for a migration instead of being the first of a route. */
  incoming: boolean;
  /** What its environment holds beside what the build needs. */
  env?: Readonly<Record<string, string>>;
  /** How many serial ports it has that Godwit holds the other ends of; none where nothing is said. */
  serials?: number;
  /** Trace events by QEMU's names, `*` in them for any text: each is a line in a file of its own when it happens. */
  trace?: readonly string[];
}

/** What `-qmp`, `-qtest` and `-serial` are given: character devices in QEMU's own syntax. */
export interface Channels {
  qmp: string;
  qtest: string;
  serials: readonly string[];
  /** The file for trace events, as a path; absent for a machine that traces none. */
  trace?: string;
}

/** Paths of the sockets of the machine `label` in `folder`; short names, for a socket's path ends at 107 bytes. */
export function socketsOf(folder: string, label: string, spec: Pick<MachineSpec, 'serials' | 'trace'>): Channels {
  const at = (name: string): string => join(folder, `${label}.${name}`);
  return {
    ...{ qmp: at('qmp'), qtest: at('qtest') },
    serials: Array.from({ length: spec.serials ?? 0 }, (_, n) => at(`serial${n}`)),
    ...(spec.trace && { trace: at('trace') }),
  };
}

/** The same channels with the path of every socket put into QEMU's syntax. */
export function channelsOf({ qmp, qtest, serials, ...files }: Channels, syntax: (path: string) => string): Channels {
  return { qmp: syntax(qmp), qtest: syntax(qtest), serials: serials.map(syntax), ...files };
}

/** The whole command line, as words. */
export function commandLine(spec: MachineSpec, channels: Channels): string[] {
  const family = findFamily(spec.machineType);
  // Another architecture may have a machine of the same name.
  const cpu = family?.architecture === spec.build.arch ? family.cpu : undefined;
  return [
    ...spec.build.command,
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...[
      '-machine',
      spec.machineType,
      '-accel',
      spec.accel,
      ...(cpu === undefined ? [] : ['-cpu', cpu]),
      '-m',
      String(spec.memoryMiB),
      '-S',
    ],
    ...['-qmp', channels.qmp, '-qtest', channels.qtest, '-qtest-log', 'none'],
    ...channels.serials.flatMap((serial, port) => serialWords(serial, port, family)),
    ...(spec.incoming ? ['-incoming', 'defer'] : []),
    ...traceWords(spec, channels),
    ...spec.words,
  ];
}

/** A serial port that the machine has of its own, or a device for one more. */
function serialWords(serial: string, port: number, family: MachineFamily | undefined): string[] {
  const { own = Infinity, more = '' } = family?.serials ?? {};
  if (port < own) return ['-serial', serial];
  const id = `serial-port${port}`;
  const backend = serial.replace(/^(unix|pipe):/, (_, kind) => `${kind === 'unix' ? 'socket' : 'pipe'},id=${id},path=`);
  return ['-chardev', backend, '-device', `${more},chardev=${id}`];
}

/** The log of trace events is what `-D` names; nothing else goes there as long as no `-d` asks for it. */
function traceWords({ trace = [] }: MachineSpec, { trace: file }: Channels): string[] {
  return file === undefined ? [] : [...trace.flatMap((event) => ['-trace', event]), '-D', file];
}

/** The command line as Godwit starts it: QEMU connects to sockets that Godwit listens on, so that nobody polls for a socket file. */
export function harnessCommandLine(spec: MachineSpec, folder: string, label: string): string[] {
  // A comma in the folder's name must not end the value.
  const unix = (path: string): string => `unix:${path.replaceAll(',', ',,')}`;
  return commandLine(spec, channelsOf(socketsOf(folder, label, spec), unix));
}

/** The command line with its environment, to be pasted into a shell: QEMU itself listens, on sockets in the current folder. */
export function printable(spec: MachineSpec, label: string): string {
  return shellLine(
    spec,
    channelsOf(socketsOf('.', label, spec), (path) => `unix:${path},server=on,wait=off`),
  );
}

/** What the environment of its process must hold. */
export function environmentOf({ build, env }: MachineSpec): Readonly<Record<string, string>> {
  return { ...build.env, ...env };
}

/** The command line with its environment as one line for a shell. */
export function shellLine(spec: MachineSpec, channels: Channels): string {
  const environment = Object.entries(environmentOf(spec)).map(([name, value]) => `${name}=${quoteWord(value)}`);
  return [...environment, ...commandLine(spec, channels).map(quoteWord)].join(' ');
}
