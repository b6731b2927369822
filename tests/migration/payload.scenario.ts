import { expect, scenario, type MigrationPlan } from 'godwit';
import { tcgDirtyBitmap } from './known-issues.js';
import { lackOfUserfaultfd } from './userfaultfd.js';

const clean = 'completed with clean logs, and the same machine as before';
const mebibyte = 2 ** 20;

scenario('RAM under load, there and back ten times', {
  guest: 'payload',
  machines: ['pc-q35-6.0', 'pc-q35-7.2'],
  route: 'ping-pong',
  devices: '-device e1000e,romfile=',
  known: [tcgDirtyBitmap],
  async body({ guest, migrate, route }) {
    await guest.setRange(mebibyte, 8 * mebibyte);
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
  },
});

/** Ways to move a guest that dirties more memory than the link takes. */
const ways: Readonly<Record<string, MigrationPlan>> = {
  'auto-converge': {
    capabilities: { 'auto-converge': true },
    parameters: { 'cpu-throttle-initial': 90, 'cpu-throttle-increment': 9 },
  },
  postcopy: { postcopyAfterPasses: 2 },
  'multifd and auto-converge': {
    capabilities: { multifd: true, 'auto-converge': true },
    parameters: { 'cpu-throttle-initial': 90, 'cpu-throttle-increment': 9 },
  },
};

scenario('RAM dirtied faster than the link', {
  guest: 'payload',
  machines: 'pc-q35-7.2',
  memoryMiB: 64,
  options: { way: Object.keys(ways) },
  known: [tcgDirtyBitmap],
  skip({ options }) {
    return options['way'] === 'postcopy' ? lackOfUserfaultfd() : undefined;
  },
  async body({ guest, migrate, options }) {
    const plan = ways[options['way'] ?? ''] ?? {};
    await guest.setRange(mebibyte, 32 * mebibyte);
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
  },
});
