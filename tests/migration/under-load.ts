import { expect, type Journey, type MigrationPlan } from 'godwit';

const clean = 'completed with clean logs, and the same machine as before';
export const mebibyte = 2 ** 20;

/** Slows the guest's CPU down until the link keeps up. */
export const autoConverge = {
  capabilities: { 'auto-converge': true },
  parameters: { 'cpu-throttle-initial': 90, 'cpu-throttle-increment': 9 },
} as const;

/** The guest changes 8 MiB from `first` on, an address, all the way along its route, and every page is looked at after every hop. */
export async function travelUnderLoad({ guest, migrate, route }: Journey<'payload'>, first: number): Promise<void> {
  await guest.setRange(first, 8 * mebibyte);
  await guest.setDirtyRate({ bytesPerSecond: 30e6 });
  let rounds = 0;
  for (const _ of route.slice(1)) {
    expect(await migrate(), clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    await guest.checkMemory();
    const now = await guest.rounds();
    expect(now, 'rounds go on').to.be.at.least(rounds);
    rounds = now;
  }
  await guest.checkMemory();
  expect(rounds, 'rounds over memory while it travelled').to.be.above(0);
}

/** The guest changes 32 MiB from `first` on faster than the link takes them; the plan says how it is moved all the same. */
export async function outrunTheLink(
  { guest, migrate }: Journey<'payload'>,
  first: number,
  plan: MigrationPlan,
): Promise<void> {
  await guest.setRange(first, 32 * mebibyte);
  await guest.setDirtyRate({ bytesPerSecond: 400e6 });
  while ((await guest.rounds()) < 1);
  const outcome = await migrate({
    ...plan,
    parameters: { 'max-bandwidth': 64 * mebibyte, 'downtime-limit': 50, ...plan.parameters },
  });
  expect(outcome).to.be.completed.with.cleanLogs;
  // The first pass takes everything, the last what is left: with any less there was nothing to fight.
  expect(outcome.passes, 'passes over RAM').to.be.above(2);
  await guest.checkMemory();
  const before = await guest.rounds();
  while ((await guest.rounds()) === before);
  await guest.checkMemory();
}
