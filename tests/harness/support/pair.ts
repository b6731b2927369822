import { randomFillSync } from 'node:crypto';
import { Deadline } from '../../../harness/core/deadline.js';
import { ScriptedGuest } from '../../../harness/guest/scripted.js';
import type { Machine } from '../../../harness/machine/machine.js';
import type { View } from '../../../harness/migration/compare.js';
import { migrate, type MigrateOptions } from '../../../harness/migration/migrate.js';
import { isEvent } from '../../../harness/qmp/messages.js';
import { stateAreas } from '../../../harness/record/outcome.js';
import { Launchpad, type LaunchWish } from './launchpad.js';

/** A source and a destination, their guest, and a migration between them that looks at both ends as a guest does. */
export class Pair implements AsyncDisposable {
  private constructor(
    private readonly pad: Launchpad,
    readonly source: Machine,
    readonly destination: Machine,
  ) {
    this.guest = ScriptedGuest.attach(source, Deadline.after(20_000));
  }

  readonly guest: ScriptedGuest;

  static async launch(source: LaunchWish, destination: LaunchWish = {}): Promise<Pair> {
    const pad = new Launchpad();
    const both = { machineType: 'pc-q35-6.0', ...source };
    try {
      const machines = await Promise.all([
        pad.launch({ ...both, label: 'source' }),
        pad.launch({ ...both, ...destination, label: 'destination', incoming: true }),
      ]);
      return new Pair(pad, ...machines);
    } catch (thrown) {
      await pad[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  async look(machine: Machine): Promise<View> {
    const guest = machine === this.source ? this.guest : ScriptedGuest.resume(machine, Deadline.after(5000));
    return { config: await guest.configSpace(), parts: [] };
  }

  async lookAtAll(machine: Machine): Promise<View> {
    const guest = machine === this.source ? this.guest : ScriptedGuest.resume(machine, Deadline.after(5000));
    if (machine === this.source) await guest.mapDevices();
    const config = await guest.configSpace();
    return { config, parts: await guest.readState(config, stateAreas) };
  }

  migrate(options: Partial<MigrateOptions> = {}): ReturnType<typeof migrate> {
    return migrate(this.source, this.destination, {
      plan: {},
      deadline: Deadline.after(20_000),
      look: (machine) => this.look(machine),
      ...options,
    });
  }

  /** Gives the guest so much memory to carry, so slowly, that somebody can act meanwhile; acts when it is on its way. */
  async onTheWay(act: () => void): Promise<ReturnType<typeof migrate>> {
    await this.source.qtest.writeBlock(0x100000, randomFillSync(Buffer.alloc(8 * 1024 * 1024)));
    const active = this.source.events.until({
      what: 'an active migration',
      goal: (event) => (isEvent(event, 'MIGRATION') && event.data.status === 'active' ? event : undefined),
      deadline: Deadline.after(10_000),
    });
    const outcome = this.migrate({ plan: { parameters: { 'max-bandwidth': 1_000_000 } }, stallMs: 300 });
    await active;
    act();
    return outcome;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.pad[Symbol.asyncDispose]();
  }
}
