import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Deadline } from '../../core/deadline.js';
import type { LocatedBuild, MachineType } from '../build.js';
import { cacheFolder, writeWhole } from '../cache-folder.js';
import { tied } from '../child.js';
import { acceleratorGuest, sign } from './accelerator-guest.js';

/** Milliseconds after which a guest that takes 50 is given up. */
const guestTimeoutMs = 5_000;

/** What, besides the binary, decides which accelerators run; another boot may have another kernel or other rights. */
export function accelerationOfHost(): string {
  return `${canOpenKvm() ? 'kvm' : 'no kvm'} ${bootId()}`;
}

function canOpenKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

export interface AcceleratorOptions {
  deadline: Deadline;
  signal?: AbortSignal;
  machineTypes: readonly MachineType[];
}

/**
 * The accelerators in which a guest really ran just now, 'tcg' first. A build without an x86 PC machine type has no probe guest: for it
 * the answer is 'tcg' alone, unproved.
 */
export async function probeAccelerators(build: LocatedBuild, options: AcceleratorOptions): Promise<string[]> {
  const machine = ['q35', 'pc'].find((name) =>
    options.machineTypes.some((type) => type.alias === name || type.name === name),
  );
  if (machine === undefined) return ['tcg'];
  const candidates = canOpenKvm() ? ['tcg', 'kvm'] : ['tcg'];
  // In the cache and not in a temporary folder, so that a killed probe leaves nothing that the next one would not use.
  const rom = join(cacheFolder(), 'probes', 'accelerator-guest.rom');
  await writeWhole(rom, acceleratorGuest());
  const ran = await Promise.all(candidates.map((accel) => runsGuest(build, { ...options, machine, accel, rom })));
  return candidates.filter((_, index) => ran[index]);
}

interface GuestRun extends AcceleratorOptions {
  machine: string;
  accel: string;
  rom: string;
}

/** Whether the guest's sign came before QEMU ended, KVM gave up, or the time was over. */
async function runsGuest(build: LocatedBuild, run: GuestRun): Promise<boolean> {
  const [file, ...args] = tied([
    ...build.command,
    ...['-no-user-config', '-nodefaults', '-display', 'none', '-machine', run.machine, '-accel', run.accel, '-m', '16'],
    ...['-bios', run.rom, '-serial', 'stdio'],
  ]);
  const child = execa(file, args, {
    reject: false,
    buffer: false,
    stdin: 'ignore',
    env: build.env,
    timeout: Math.max(1, run.deadline.within(guestTimeoutMs).remainingMs),
    killSignal: 'SIGKILL',
    ...(run.signal && { cancelSignal: run.signal }),
  });
  let ran = false;
  child.stdout.on('data', (chunk: Buffer) => {
    if (!chunk.includes(sign)) return;
    ran = true;
    child.kill('SIGKILL');
  });
  // QEMU stays, stopped, when KVM cannot go on; the deadline would tell too, only later.
  child.stderr.on('data', (chunk: Buffer) => {
    if (chunk.includes('KVM internal error')) child.kill('SIGKILL');
  });
  await child;
  run.signal?.throwIfAborted();
  return ran;
}
