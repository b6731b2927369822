import { expect, scenario } from 'godwit';
import { tcgDirtyBitmap, virtioQueueSize } from './known-issues.js';
import { onLinuxMachine } from './linux-machine.js';

const card = 'virtio-net-pci,id=nic0,netdev=hub1,bus=port0,romfile=,mac=52:54:00:00:00:02';
const cardAddress = { own: '10.0.2.16' };

scenario('Linux: hotplug before migration, unplug after it', {
  ...onLinuxMachine,
  known: [tcgDirtyBitmap, virtioQueueSize()],
  async body({ guest, migrate }) {
    await guest.ping('net0');
    await guest.hotplug(card);
    await guest.ping('nic0', cardAddress);
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    await guest.ping('nic0', cardAddress);
    await guest.ping('net0');
    await guest.unplug('nic0');
    await guest.ping('net0');
  },
});

scenario('Linux: hotplugged disk, written while it migrates', {
  ...onLinuxMachine,
  known: [tcgDirtyBitmap, virtioQueueSize()],
  async body({ guest, migrate }) {
    await guest.hotplug('virtio-blk-pci,id=disk0,drive=data,bus=port1');
    const load = await guest.loadDisk('disk0');
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    await load.writes(1);
    await load.verify();
    await (await guest.slot('port1')).eject('disk0');
  },
});

scenario('Linux: device that the guest ejects, and another in its slot', {
  ...onLinuxMachine,
  known: [tcgDirtyBitmap, virtioQueueSize()],
  options: { ejected: ['before migration', 'after migration'] },
  async body({ guest, migrate, options }) {
    const slot = await guest.slot('port0');
    await guest.hotplug(card);
    if (options['ejected'] === 'before migration') await slot.eject('nic0');
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    if (options['ejected'] === 'after migration') await slot.eject('nic0');
    expect(await slot.isOn(), 'power of the empty slot').to.equal(false);
    await guest.hotplug(card);
    await guest.ping('nic0', cardAddress);
  },
});

scenario('Linux: unplug that the guest hears of on the destination', {
  ...onLinuxMachine,
  known: [tcgDirtyBitmap, virtioQueueSize()],
  async body(journey) {
    const { guest } = journey;
    await guest.hotplug(card);
    await journey.machine.qmp.execute('stop');
    await journey.machine.qmp.execute('device_del', { id: 'nic0' });
    expect(await journey.migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    const deleted = journey.machine.deletionOf('nic0', guest.deadline);
    await journey.machine.qmp.execute('cont');
    await deleted;
    await guest.ping('net0');
  },
});
