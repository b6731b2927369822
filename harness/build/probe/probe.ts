import { Duplex } from 'node:stream';
import { execa } from 'execa';
import type { Deadline } from '../../core/deadline.js';
import { BuildError, messageOf } from '../../core/errors.js';
import { QmpClient } from '../../qmp/client.js';
import type { QueryMachinesReturn } from '../../qmp/schema.js';
import { versionOf, type BuildProbe, type CompatProperty, type LocatedBuild, type MachineType } from '../build.js';
import { runChild, tied } from '../child.js';
import { probeAccelerators } from './accelerators.js';

export interface ProbeOptions {
  deadline: Deadline;
  signal?: AbortSignal;
}

/** Milliseconds in which any QEMU without a machine answers everything; it takes 50 on an idle core. */
const probeTimeoutMs = 30_000;

/**
 * Asks a build what it is. Starts it a few times, without a machine and then with a guest of a few instructions.
 * Throws BuildError with the end of its log when it is no QEMU or does not run here.
 */
export async function probeBuild(build: LocatedBuild, options: ProbeOptions): Promise<BuildProbe> {
  const bounded = { ...options, deadline: options.deadline.within(probeTimeoutMs) };
  const [answers, devices] = await Promise.all([askMonitor(build, bounded), listDevices(build, bounded)]);
  const accelerators = await probeAccelerators(build, { ...bounded, machineTypes: answers.machineTypes });
  return { ...answers, devices, accelerators };
}

type Answers = Omit<BuildProbe, 'devices' | 'accelerators'>;

async function askMonitor(build: LocatedBuild, options: ProbeOptions): Promise<Answers> {
  options.signal?.throwIfAborted();
  const quiet = ['-no-user-config', '-nodefaults', '-display', 'none', '-machine', 'none', '-S', '-qmp', 'stdio'];
  const [file, ...args] = tied([...build.command, ...quiet]);
  const child = execa(file, args, {
    reject: false,
    env: build.env,
    buffer: { stdout: false, stderr: true },
    killSignal: 'SIGKILL',
    ...(options.signal && { cancelSignal: options.signal }),
  });
  child.stdin.on('error', () => undefined);
  try {
    await using client = await QmpClient.connect(
      Duplex.from({ readable: child.stdout, writable: child.stdin }),
      options,
    );
    return await ask(client, options);
  } catch (thrown) {
    child.kill('SIGKILL');
    const ended = await child;
    options.signal?.throwIfAborted();
    const log = ended.stderr.trim().split('\n').slice(-3).join(' | ');
    const said = log === '' ? messageOf(thrown) : log;
    throw new BuildError(`${build.name} does not answer on its monitor as a QEMU does: ${said}`, {
      data: { command: build.command, exitCode: ended.exitCode },
      cause: thrown,
    });
  } finally {
    child.kill('SIGKILL');
    await child;
  }
}

async function ask(client: QmpClient, options: ProbeOptions): Promise<Answers> {
  const { qemu, package: packageText } = client.greeting.QMP.version;
  const version = versionOf(qemu);
  // Before 9.1 the command takes no argument.
  const tellsCompat = version.major > 9 || (version.major === 9 && version.minor >= 1);
  const [machines, target, capabilities, schema] = await Promise.all([
    client.execute('query-machines', tellsCompat ? { 'compat-props': true } : {}, options),
    client.execute('query-target', {}, options),
    client.execute('query-migrate-capabilities', {}, options),
    client.execute('query-qmp-schema', {}, options),
  ]);
  const named = new Map(schema.map((entry) => [entry.name, entry]));
  const setParameters = named.get('migrate-set-parameters');
  const parameters = setParameters && 'arg-type' in setParameters ? named.get(setParameters['arg-type']) : undefined;
  return {
    version,
    arch: target.arch,
    package: packageText,
    machineTypes: machines.map(machineTypeOf),
    migrationCapabilities: capabilities.map((one) => one.capability).sort(),
    migrationParameters:
      parameters && 'members' in parameters
        ? parameters.members.flatMap((one) => ('name' in one ? one.name : [])).sort()
        : [],
    compatProperties: tellsCompat
      ? Object.fromEntries(machines.map((machine) => [machine.name, compatPropertiesOf(machine)]))
      : undefined,
  };
}

function machineTypeOf(machine: QueryMachinesReturn): MachineType {
  return {
    name: machine.name,
    ...(machine.alias !== undefined && { alias: machine.alias }),
    isDefault: machine['is-default'] === true,
    deprecated: machine.deprecated,
    cpuMax: machine['cpu-max'],
  };
}

function compatPropertiesOf(machine: QueryMachinesReturn): CompatProperty[] {
  return (machine['compat-props'] ?? []).map((one) => ({
    driver: one['qom-type'],
    property: one.property,
    value: one.value,
  }));
}

/** Names and aliases; this loads every module of the build. */
async function listDevices(build: LocatedBuild, options: ProbeOptions): Promise<string[]> {
  const listed = await runChild([...build.command, '-machine', 'none', '-device', 'help'], {
    ...options,
    env: build.env,
  });
  const names = [...listed.stdout.matchAll(/^name "([^"]+)"(?:, bus [^,\n]+)?(?:, alias "([^"]+)")?/gm)].flatMap(
    (match) => [match[1], match[2]].flatMap((name) => name ?? []),
  );
  if (names.length > 0) return [...new Set(names)].sort();
  const log = listed.stderr.trim().split('\n').slice(-3).join(' | ');
  throw new BuildError(`${build.name} does not list its devices (${listed.summary}): ${log || 'it printed nothing'}`, {
    data: { command: build.command, exitCode: listed.exitCode },
  });
}
