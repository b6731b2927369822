import { expect, scenario } from 'godwit';
import { tcgDirtyBitmap } from '../known-issues.js';
import { lackOfCpuState } from './cpu-state.js';
import { everyGic, gicOf, machines, onVirt } from './virt.js';

const clean = 'completed with clean logs, and the same machine as before';
const mebibyte = 2 ** 20;
/** The start of RAM, behind what the guest keeps for itself (hw/arm/virt.c, base_memmap: VIRT_MEM). */
const first = 0x40000000 + mebibyte;

scenario('arm64: RAM under load, there and back ten times', {
  guest: 'payload',
  machines,
  route: 'ping-pong',
  options: everyGic,
  devices: (cell) => [...gicOf(cell), '-device', 'virtio-net-pci,romfile=,vectors=0'],
  known: [onVirt(tcgDirtyBitmap)],
  skip: lackOfCpuState,
  async body({ guest, migrate, route }) {
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
  },
});

scenario('arm64: RAM dirtied faster than the link', {
  guest: 'payload',
  machines,
  memoryMiB: 64,
  devices: '-machine gic-version=2',
  known: [onVirt(tcgDirtyBitmap)],
  skip: lackOfCpuState,
  async body({ guest, migrate }) {
    await guest.setRange(first, 32 * mebibyte);
    await guest.setDirtyRate({ bytesPerSecond: 400e6 });
    while ((await guest.rounds()) < 1);
    const outcome = await migrate({
      capabilities: { 'auto-converge': true },
      parameters: {
        ...{ 'max-bandwidth': 64 * mebibyte, 'downtime-limit': 50 },
        ...{ 'cpu-throttle-initial': 90, 'cpu-throttle-increment': 9 },
      },
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
