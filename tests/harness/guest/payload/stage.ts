import { Deadline } from '../../../../harness/core/deadline.js';
import { payloadImage } from '../../../../harness/guest/payload/image.js';
import { PayloadGuest } from '../../../../harness/guest/payload/payload-guest.js';
import { familyOf } from '../../../../harness/machine/family.js';
import type { Machine } from '../../../../harness/machine/machine.js';
import { completedMigration } from '../../../../harness/migration/completed.js';
import type { Launchpad, LaunchWish } from '../../support/launchpad.js';

/** A machine with a payload guest that has not started; pc-q35-6.0 unless wished otherwise. */
export async function launchPayload(pad: Launchpad, wish: LaunchWish = {}): Promise<Machine> {
  const arch = familyOf(wish.machineType ?? 'pc-q35-6.0').architecture;
  const words = ['-bios', await payloadImage(arch), ...(wish.words ?? [])];
  return pad.launch({ machineType: 'pc-q35-6.0', serials: 1, ...wish, words });
}

/** A payload guest that has said hello. */
export async function startPayload(pad: Launchpad, wish: LaunchWish = {}): Promise<PayloadGuest> {
  return PayloadGuest.attach(await launchPayload(pad, wish), Deadline.after(20_000));
}

/** A plain migration between two machines; resolves when both say that it is completed. */
export async function move(source: Machine, destination: Machine): Promise<void> {
  const sides = [source, destination];
  await Promise.all(
    sides.map(({ qmp }) =>
      qmp.execute('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] }),
    ),
  );
  const completed = sides.map((side) =>
    completedMigration(side, `the migration of the ${side.label} QEMU`, Deadline.after(20_000)),
  );
  const uri = `unix:${destination.options.folder}/${destination.label}.mig`;
  await destination.qmp.execute('migrate-incoming', { uri });
  await source.qmp.execute('migrate', { uri });
  await Promise.all(completed);
}
