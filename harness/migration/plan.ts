import { StateError } from '../core/errors.js';
import type { Machine } from '../machine/machine.js';
import type { RelayPlan } from './relay/plan.js';

/** Bytes a second for `max-bandwidth`: more than any host has, as fast as it goes. */
export const fullSpeed = 2 ** 40;

/** How one migration is to be done. Everything left out is as QEMU has it by default. */
export interface MigrationPlan {
  /** What the stream goes through; a unix socket by default. */
  channel?: 'unix' | 'tcp';
  /** Capabilities, switched on both sides. */
  capabilities?: Readonly<Record<string, boolean>>;
  /** Parameters, set on both sides and read back. */
  parameters?: Readonly<Record<string, unknown>>;
  /** False keeps a destination alive that cannot load (QEMU 9.1 and later): its reason is then in `query-migrate`. */
  exitOnError?: boolean;
  /**
   * False lets a guest that runs go on at the destination as soon as it is there; only its own word then tells of its state. True where
   * nothing is said: it is held until both sides were looked at.
   */
  hold?: boolean;
  /** Switches to postcopy when so many passes over RAM have begun, and lets the guest go on at the destination at once. */
  postcopyAfterPasses?: number;
  /** Sends the stream through Godwit, which keeps, changes, cuts or slows it on its way. */
  relay?: RelayPlan;
}

/** Whether a guest that runs waits at the destination until it was looked at. */
export function holds({ hold = true, postcopyAfterPasses }: MigrationPlan): boolean {
  return hold && postcopyAfterPasses === undefined;
}

/**
 * Switches capabilities and sets parameters on one side. `events` is always on: the wait depends on it.
 * Throws ExecuteError when QEMU refuses one, and StateError when it accepts a parameter and keeps another value.
 */
export async function configure(machine: Machine, plan: MigrationPlan): Promise<void> {
  const postcopy = plan.postcopyAfterPasses === undefined ? {} : { 'postcopy-ram': true };
  const wanted = { events: true, ...postcopy, ...plan.capabilities };
  const capabilities = Object.entries(wanted).map(([capability, state]) => ({ capability, state }));
  const switched = machine.qmp.execute<string>('migrate-set-capabilities', { capabilities });
  if (!plan.parameters) {
    await switched;
    return;
  }
  await Promise.all([switched, machine.qmp.execute<string>('migrate-set-parameters', plan.parameters)]);
  const kept = (await machine.qmp.execute<string>('query-migrate-parameters')) as Record<string, unknown>;
  for (const [name, value] of Object.entries(plan.parameters)) {
    if (JSON.stringify(kept[name]) === JSON.stringify(value)) continue;
    throw new StateError(
      `the ${machine.label} QEMU accepted ${name}=${JSON.stringify(value)} and kept ${JSON.stringify(kept[name])}`,
    );
  }
}
