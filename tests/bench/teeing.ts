import type { Build } from '../../harness/build/build.js';
import { Deadline } from '../../harness/core/deadline.js';
import { Machine } from '../../harness/machine/machine.js';
import { migrate } from '../../harness/migration/migrate.js';
import type { RelayPlan } from '../../harness/migration/relay/plan.js';
import { rmSync } from 'node:fs';
import { median } from './median.js';

const mebibyte = 1 << 20;

export interface TeeFigures {
  /** Medians of QEMU's own total time, in milliseconds. */
  straightMs: number;
  teedMs: number;
  bytes: number;
}

/** Migrations of so much RAM that is not zero, in turn without a relay and through one that keeps a copy; as fast as the parameters let. */
export async function measureTee(
  build: Build,
  { folder, ramMiB, turns, bandwidth }: { folder: string; ramMiB: number; turns: number; bandwidth?: number },
): Promise<TeeFigures> {
  const straight: number[] = [];
  const teed: number[] = [];
  let bytes = 0;
  const parameters = bandwidth === undefined ? {} : { parameters: { 'max-bandwidth': bandwidth } };
  const once = async (relay?: RelayPlan): Promise<number> => {
    const deadline = Deadline.after(120_000);
    const spec = { build, machineType: 'pc-q35-7.2', accel: 'tcg', memoryMiB: ramMiB, words: [] };
    const options = { folder, logFolder: folder, deadline };
    await using source = await Machine.launch({ ...spec, incoming: false }, { ...options, label: 'tee-source' });
    await using destination = await Machine.launch(
      { ...spec, incoming: true },
      { ...options, label: 'tee-destination' },
    );
    for (let at = mebibyte; at < ramMiB * mebibyte; at += 16 * mebibyte)
      await source.qtest.command(`memset ${at} ${16 * mebibyte} 0x5a`);
    const look = () => Promise.resolve({ config: new Map(), parts: [] });
    const outcome = await migrate(source, destination, {
      plan: { ...parameters, ...(relay && { relay }) },
      deadline,
      look,
    });
    if (outcome.class !== 'completed') throw new Error(`the migration ended as ${outcome.class}`);
    bytes = outcome.transferredBytes ?? 0;
    for (const { file } of outcome.channels ?? []) if (file !== undefined) rmSync(file);
    return outcome.totalMs ?? NaN;
  };
  for (let turn = 0; turn < turns; turn += 1) {
    straight.push(await once());
    teed.push(await once({ tee: true }));
  }
  return { straightMs: median(straight), teedMs: median(teed), bytes };
}
