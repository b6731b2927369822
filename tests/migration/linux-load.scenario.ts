import { readFile } from 'node:fs/promises';
import { expect, type LinuxGuest, type MigrationPlan, scenario } from 'godwit';
import { tcgDirtyBitmap, tcgDirtyBitmapInGuest, virtioQueueSize } from './known-issues.js';
import { linuxDisks, linuxMachine } from './linux-machine.js';
import { lackOfUserfaultfd } from './userfaultfd.js';

const clean = 'completed with clean logs, and the same machine as before';
/** A guest that has set its queues up on the newest build may go back there. */
const fromNewest = { ...virtioQueueSize(), intermittent: true };
const machine = { guest: 'linux', devices: linuxMachine, disks: linuxDisks } as const;

scenario('Linux: there and back ten times', {
  ...machine,
  machines: ['pc-q35-6.0', 'pc-q35-7.2'],
  route: 'ping-pong',
  known: [tcgDirtyBitmap, tcgDirtyBitmapInGuest, fromNewest],
  async body({ guest, migrate, route }) {
    const [before, complaints] = [await lookOf(guest), await complaintsOf(guest)];
    await guest.startTicking();
    const load = await guest.loadMemory(2);
    for (const _ of route.slice(1)) {
      const outcome = await migrate();
      expect(outcome, clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
      expect(outcome.guestDowntimeMs, 'milliseconds without a sign of life').to.be.above(0);
      await load.rounds(1);
      expect(await lookOf(guest), 'what the guest sees').to.equal(before);
    }
    await load.verify();
    expect(await complaintsOf(guest), 'what its kernel complains of').to.equal(complaints);
  },
});

/** What a guest sees of its machine that no migration may change: PCI functions with their drivers, CPUs, memory. It starts one process. */
function lookOf(guest: LinuxGuest): Promise<string> {
  return guest.sh(
    'cat /sys/bus/pci/devices/*/uevent /sys/devices/system/cpu/online; read total < /proc/meminfo; echo $total',
  );
}

/** What the guest's kernel has complained of since it booted. */
function complaintsOf(guest: LinuxGuest): Promise<string> {
  return guest.sh("dmesg -r | grep '^<[0-3]>' || :");
}

/** Ways to move a guest that dirties more memory than the link takes. */
const ways: Readonly<Record<string, MigrationPlan>> = {
  'auto-converge': {
    capabilities: { 'auto-converge': true },
    parameters: { 'cpu-throttle-initial': 90, 'cpu-throttle-increment': 9 },
  },
  postcopy: { postcopyAfterPasses: 2 },
};

scenario('Linux: memory under full load', {
  ...machine,
  machines: ['pc-q35-6.0', 'pc-q35-7.2'],
  options: { way: Object.keys(ways) },
  known: [tcgDirtyBitmap, tcgDirtyBitmapInGuest, virtioQueueSize()],
  timeoutMs: 40_000,
  skip({ options }) {
    return options['way'] === 'postcopy' ? lackOfUserfaultfd() : undefined;
  },
  async body({ guest, migrate, options }) {
    const load = await guest.loadMemory(8);
    const { parameters, ...way } = ways[options['way'] ?? ''] ?? {};
    const outcome = await migrate({
      ...way,
      parameters: { 'max-bandwidth': 64 * 2 ** 20, 'downtime-limit': 20, ...parameters },
    });
    expect(outcome).to.be.completed.with.cleanLogs;
    // The first pass takes everything, the last what is left: with any less there was nothing to fight.
    expect(outcome.passes, 'passes over RAM').to.be.above(2);
    await load.rounds(1);
    await load.verify();
  },
});

scenario('Linux: disk that is written', {
  ...machine,
  machines: ['pc-q35-5.2', 'pc-q35-7.2'],
  route: 'there-and-back',
  hotplugs: true,
  known: [tcgDirtyBitmap, tcgDirtyBitmapInGuest, fromNewest],
  async body({ guest, migrate, route }) {
    await guest.hotplug('virtio-blk-pci,id=disk0,drive=data,bus=port0');
    const load = await guest.loadDisk('disk0');
    for (const _ of route.slice(1)) {
      await load.writes(1);
      expect(await migrate(), clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    }
    await load.writes(2);
    const written = await load.verify();
    const image = await readFile(await imageOf(guest, 'data'));
    expect(image.subarray(0, written.length).equals(written), 'the image holds what the guest wrote last').to.equal(
      true,
    );
  },
});

/** Where a drive's image is on the host, as QEMU says that has the guest now. */
async function imageOf(guest: LinuxGuest, drive: string): Promise<string> {
  const blocks = await guest.machine.qmp.execute('query-block');
  const inserted = blocks.find(({ device }) => device === drive)?.inserted;
  expect(inserted, `a drive ${drive}`).to.not.equal(undefined);
  return inserted?.file ?? '';
}

scenario('Linux: balloon inflated before migration, deflated after it', {
  ...machine,
  machines: ['pc-q35-5.2', 'pc-q35-7.2'],
  known: [tcgDirtyBitmap, tcgDirtyBitmapInGuest, virtioQueueSize()],
  async body({ guest, migrate }) {
    const [all, taken] = [192, 32];
    const whole = await memoryOf(guest);
    await guest.balloon(all - taken);
    expect(whole - (await memoryOf(guest)), 'KiB that the guest lacks').to.equal(taken * 1024);
    expect(await migrate(), clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    const { actual } = await guest.machine.qmp.execute('query-balloon');
    expect(actual, 'bytes that the balloon leaves, as QEMU says').to.equal((all - taken) * 2 ** 20);
    expect(whole - (await memoryOf(guest)), 'KiB that the guest lacks on the destination').to.equal(taken * 1024);
    await guest.balloon(all);
    expect(await memoryOf(guest), 'KiB of the guest when the balloon is empty').to.equal(whole);
  },
});

/** KiB of memory that the guest's kernel has. */
async function memoryOf(guest: LinuxGuest): Promise<number> {
  return Number(await guest.sh("awk '/^MemTotal/ { print $2 }' /proc/meminfo"));
}

scenario('Linux: downtime as the guest sees it', {
  ...machine,
  machines: ['pc-q35-5.2', 'pc-q35-7.2'],
  options: { destination: ['held', 'at once'] },
  known: [tcgDirtyBitmap, tcgDirtyBitmapInGuest, virtioQueueSize()],
  async body({ guest, migrate, options }) {
    const isHeld = options['destination'] === 'held';
    await guest.startTicking();
    const outcome = await migrate({ hold: isHeld });
    expect(outcome, clean).to.be.completed.with.cleanLogs;
    expect(outcome.downtimeMs, "QEMU's figure").to.be.a('number');
    expect(outcome.guestDowntimeMs, 'milliseconds without a sign of life').to.be.above(0);
    if (isHeld) expect(outcome.heldMs, 'milliseconds that are ours').to.be.above(0);
    else expect(outcome.heldMs, 'milliseconds that are ours').to.equal(undefined);
  },
});
