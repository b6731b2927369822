import { expect, type Journey } from 'godwit';

/** A device goes in, as `-device` takes it, with the id `device0`; the guest travels with it, and lets it go. */
export async function plugTravelUnplug(journey: Journey, device: string): Promise<void> {
  await journey.guest.hotplug(device);
  expect(await journey.migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  await journey.guest.unplug('device0');
}

/** The guest lets `device0` go, which it has had from the start, and travels without. */
export async function unplugTravel({ guest, migrate }: Journey): Promise<void> {
  await guest.unplug('device0');
  expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
}

/** The guest travels; where it comes to, a device goes in, with the id `device0`, and out. */
export async function travelPlugUnplug(journey: Journey, device: string): Promise<void> {
  expect(await journey.migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  await journey.guest.hotplug(device);
  await journey.guest.unplug('device0');
}
