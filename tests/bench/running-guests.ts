import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Build } from '../../harness/build/build.js';
import { acceleratorGuest } from '../../harness/build/probe/accelerator-guest.js';
import { Deadline } from '../../harness/core/deadline.js';
import { payloadImage } from '../../harness/guest/payload/image.js';
import { PayloadGuest } from '../../harness/guest/payload/payload-guest.js';
import { Machine } from '../../harness/machine/machine.js';
import type { Scenario } from '../../harness/scenario/definition.js';
import { runCell } from '../../harness/scenario/run-cell.js';
import { median } from './median.js';

const machineType = 'pc-q35-7.2';

interface Amounts {
  folder: string;
  turns: number;
}

/** A cell of a Linux guest that was booted before, and one of a guest that boots in it, in turn. Times in milliseconds. */
export async function measureWarmStart(
  build: Build,
  scenario: Scenario,
  { folder, turns }: Amounts,
): Promise<{ warmMs: number; coldMs: number; ratio: number }> {
  const cell = async (cold: boolean, name: string): Promise<number> => {
    const result = await runCell({
      ...{ scenario, machineType, route: [build, build], options: {}, accel: 'tcg', knownIssues: true },
      guests: { cold },
      logFolder: join(folder, name),
    });
    if (result.verdict !== 'passed') throw new Error(`the Linux cell is ${result.verdict}: ${result.reason}`);
    return result.durationMs;
  };
  // Boots and saves the guest.
  await cell(false, 'linux');
  const warm: number[] = [];
  const cold: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    warm.push(await cell(false, `warm${turn}`));
    cold.push(await cell(true, `cold${turn}`));
  }
  return { warmMs: median(warm), coldMs: median(cold), ratio: median(warm) / median(cold) };
}

/** From the start of a QEMU to the payload guest's answer, and to the first byte of a guest that says one, in turn. Times in milliseconds. */
export async function measurePayloadStart(
  build: Build,
  { folder, turns }: Amounts,
): Promise<{ payloadMs: number; bareMs: number; ratio: number }> {
  const rom = join(folder, 'bare.rom');
  writeFileSync(rom, acceleratorGuest());
  const image = await payloadImage('x86_64');
  const payload: number[] = [];
  const bare: number[] = [];
  for (let turn = -2; turn < turns; turn += 1) {
    const payloadMs = await timed(() => answer(build, image, { folder, label: `p${turn}` }));
    const bareMs = await timed(() => firstByte(build, rom));
    if (turn < 0) continue;
    payload.push(payloadMs);
    bare.push(bareMs);
  }
  return { payloadMs: median(payload), bareMs: median(bare), ratio: median(payload) / median(bare) };
}

async function answer(
  build: Build,
  image: string,
  { folder, label }: { folder: string; label: string },
): Promise<() => Promise<void>> {
  const deadline = Deadline.after(10_000);
  const spec = {
    build,
    machineType,
    accel: 'tcg',
    memoryMiB: 16,
    words: ['-bios', image],
    serials: 1,
    incoming: false,
  };
  const machine = await Machine.launch(spec, { label, folder, logFolder: folder, deadline });
  const guest = await PayloadGuest.attach(machine, deadline);
  return async () => {
    await guest[Symbol.asyncDispose]();
    await machine[Symbol.asyncDispose]();
  };
}

async function firstByte({ command, env }: Build, rom: string): Promise<() => Promise<void>> {
  const [file = '', ...args] = command;
  const words = [
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-machine',
    machineType,
    '-accel',
    'tcg',
    '-m',
    '16',
  ];
  const child = spawn(file, [...args, ...words, '-bios', rom, '-serial', 'stdio'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...env },
  });
  await once(child.stdout, 'data');
  return async () => {
    child.kill('SIGKILL');
    await once(child, 'close');
  };
}

/** Milliseconds of the work; what it returns ends what it started, and is not counted. */
async function timed(work: () => Promise<() => Promise<void>>): Promise<number> {
  const startedMs = performance.now();
  const end = await work();
  const ms = performance.now() - startedMs;
  await end();
  return ms;
}
