import { join } from 'node:path';
import type { Build } from '../../../../harness/build/build.js';
import { Deadline } from '../../../../harness/core/deadline.js';
import { Machine } from '../../../../harness/machine/machine.js';
import { migrate } from '../../../../harness/migration/migrate.js';
import { describeOutcome } from '../../../../harness/migration/outcome.js';
import type { OutcomeClass, Side } from '../../../../harness/record/outcome.js';
import { loadEvents, traceOrder } from '../../../../harness/stream/compare/trace-order.js';
import type { StandInDevice } from '../../../../harness/vfio/stand-in/device.js';
import { Launchpad } from '../../support/launchpad.js';
import type { Bed } from './beds.js';

export interface VfioMigration {
  source: Build;
  destination: Build;
  machineType: string;
  devices: Record<Side, StandInDevice>;
}

/** What became of a migration with a VFIO device. */
export interface VfioVerdict {
  class: OutcomeClass;
  /** The offset in configuration space that the destination's error names, where it names one. */
  refusedAt?: number;
  /** What the destination's trace says was loaded, in that order, of what matters to seed 004. */
  loaded: string[];
  /** One line for a person. */
  says: string;
}

/** Of what a trace names, what seed 004 is about. */
const steps = /\/vfio (?:data-state|config-state)$|^(?:apic|ioapic)$/;
const memoryMiB = 16;

/** Migrates a guest that does nothing with a VFIO device in it, and reads what both sides and the destination's trace say. */
export async function migrateVfio(bed: Bed, wish: VfioMigration): Promise<VfioVerdict> {
  await using pad = new Launchpad();
  const deadline = Deadline.after(120_000);
  const launch = async (side: Side, trace: readonly string[] = []): Promise<Machine> => {
    const { words, env } = await bed.device(wish[side], wish.devices[side]);
    const build = bed.build(wish[side]);
    const spec = { build, machineType: wish.machineType, accel: 'tcg', memoryMiB, incoming: side === 'destination' };
    return Machine.launch(
      { ...spec, words, trace, ...(env && { env }) },
      { label: side, folder: pad.folder, logFolder: pad.folder, deadline },
    );
  };
  await using source = await launch('source');
  await using destination = await launch('destination', loadEvents);
  const outcome = await migrate(source, destination, {
    plan: {},
    deadline,
    stallMs: 60_000,
    look: () => Promise.resolve({ config: new Map(), parts: [] }),
  });
  const refused = /Bad config data: i=0x([\da-f]+)/.exec(destination.log())?.[1];
  return {
    class: outcome.class,
    ...(refused !== undefined && { refusedAt: Number.parseInt(refused, 16) }),
    loaded: stepsIn(await bed.read(join(pad.folder, `${destination.label}.trace`))),
    says: describeOutcome(outcome),
  };
}

/** Each step once for as long as it goes on, without the address of the device: its data comes in many pieces. */
function stepsIn(trace: string): string[] {
  const names = traceOrder(trace.split('\n')).map(({ name }) => name);
  const all = names.filter((name) => steps.test(name)).map((name) => name.replace(/^.*\//, ''));
  return all.filter((step, index) => step !== all[index - 1]);
}
