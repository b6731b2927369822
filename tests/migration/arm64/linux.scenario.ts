import { expect, type CellShape, type LinuxGuest, scenario, topology } from 'godwit';
import { rootPortMsix, slotPresenceDetectState, tcgDirtyBitmap, tcgDirtyBitmapInGuest } from '../known-issues.js';
import { lackOfCpuState } from './cpu-state.js';
import { everyGic, gicOf, machines, onVirt, takesMessages } from './virt.js';

const clean = 'completed with clean logs, and the same machine as before';
const dirtyBitmap = [onVirt(tcgDirtyBitmap), onVirt(tcgDirtyBitmapInGuest)];

/** A card on the root bus, and a disk behind a root port, under each interrupt controller. */
const machine = {
  guest: 'linux',
  machines,
  options: everyGic,
  disks: { data: 16 },
  devices: (cell: CellShape) => `
    ${gicOf(cell).join(' ')}
    -device pcie-root-port,id=port0,bus=pcie.0,chassis=1
    -device virtio-blk-pci,id=disk0,drive=data,bus=port0
    -netdev user,id=user0,restrict=on
    -device virtio-net-pci,id=net0,netdev=user0,bus=pcie.0,romfile=,mac=52:54:00:00:00:01
  `,
  only: takesMessages,
  skip: lackOfCpuState,
} as const;

/** Every PCI function with its driver and its configuration space, as the guest reads it. */
function spacesOf(guest: LinuxGuest): Promise<string> {
  return guest.sh('for d in /sys/bus/pci/devices/*; do cat $d/uevent; od -A x -t x4 $d/config; done');
}

/** How many interrupts of virtio devices have come to the guest. */
async function interruptsOf(guest: LinuxGuest): Promise<number> {
  return Number(await guest.sh("awk '/virtio/ { n += $2 } END { print n + 0 }' /proc/interrupts"));
}

scenario('arm64: Linux, its devices and their registers', {
  ...machine,
  known: dirtyBitmap,
  async body({ guest, migrate }) {
    await guest.ping('net0');
    const drivers = (await guest.pciDevices()).map(({ driver }) => driver);
    expect(drivers, 'drivers of its devices').to.have.members([
      ...[undefined, 'pcieport', 'virtio-pci', 'virtio-pci', 'serial'],
    ]);
    const before = await spacesOf(guest);
    expect(await migrate(), clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    expect(await spacesOf(guest), 'configuration space as the guest reads it').to.equal(before);
    const known = await interruptsOf(guest);
    await guest.ping('net0');
    expect(await interruptsOf(guest), 'interrupts of its devices').to.be.above(known);
  },
});

scenario('arm64: Linux there and back, its memory and its disk written all the time', {
  ...machine,
  route: 'there-and-back',
  known: dirtyBitmap,
  async body({ guest, migrate, route }) {
    await guest.startTicking();
    const [memory, disk] = [await guest.loadMemory(4), await guest.loadDisk('disk0')];
    for (const _ of route.slice(1)) {
      const outcome = await migrate();
      expect(outcome, clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
      expect(outcome.guestDowntimeMs, 'milliseconds without a sign of life').to.be.above(0);
      await memory.rounds(1);
      await disk.writes(1);
    }
    await memory.verify();
    await disk.verify();
  },
});

scenario('arm64: Linux, slot that the guest powered off', {
  guest: 'linux',
  machines: 'virt-*',
  devices: topology('root-port-off-function-0'),
  known: [onVirt(slotPresenceDetectState), rootPortMsix, onVirt(tcgDirtyBitmap)],
  skip: lackOfCpuState,
  async body({ guest, migrate }) {
    // Without ACPI every slot is the guest's own: pciehp finds nothing at function 0, and switches it off by itself.
    const slot = await guest.slot('pcie-root-port18');
    await slot.emptied();
    expect(await slot.isOn(), 'power of its slot').to.equal(false);
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    await guest.sh('uptime');
  },
});

scenario('arm64: Linux, card unplugged by its slot, and another one plugged in', {
  guest: 'linux',
  machines: ['virt-5.2', 'virt-7.2', 'virt-10.0', 'virt-11.1'],
  hotplugs: true,
  devices: `
    ${topology('root-port').join(' ')}
    -netdev user,id=user0,restrict=on
    -device virtio-net-pci,id=net0,netdev=user0,bus=slot0,romfile=,mac=52:54:00:00:00:01
  `,
  known: dirtyBitmap,
  skip: lackOfCpuState,
  async body({ guest, migrate }) {
    const slot = await guest.slot('slot0');
    await slot.eject('net0');
    await slot.emptied();
    await guest.hotplug('virtio-net-pci,id=net1,netdev=user0,bus=slot0,romfile=,mac=52:54:00:00:00:02');
    expect(await migrate(), clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    await guest.ping('net1');
    await guest.unplug('net1');
  },
});
