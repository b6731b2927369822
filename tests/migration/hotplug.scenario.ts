import { expect, scenario } from 'godwit';
import { deviceOf, emptySlot, everyDeviceEverywhere, filledSlot } from './devices.js';
import { switchLinkStatuses, virtioQueueSize, xhciNeverDeleted, xhciStreamsOf } from './known-issues.js';

scenario('hotplug before migration, unplug after it', {
  machines: 'pc-q35-*',
  options: everyDeviceEverywhere,
  devices: emptySlot,
  hotplugs: true,
  known: [
    xhciNeverDeleted('destination'),
    ...switchLinkStatuses,
    ...xhciStreamsOf({ device: ['nec-usb-xhci'] }),
    virtioQueueSize({ device: ['virtio-net', 'virtio-blk', 'virtio-scsi'] }),
  ],
  async body(journey) {
    await journey.guest.hotplug(deviceOf(journey.options));
    expect(await journey.migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    await journey.guest.unplug('device0');
  },
});

scenario('unplug before migration', {
  machines: 'pc-q35-*',
  options: everyDeviceEverywhere,
  devices: filledSlot,
  hotplugs: true,
  known: [xhciNeverDeleted('source'), ...switchLinkStatuses],
  async body({ guest, migrate }) {
    await guest.unplug('device0');
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },
});

scenario('hotplug on the destination after migration', {
  machines: 'pc-q35-*',
  options: everyDeviceEverywhere,
  devices: emptySlot,
  known: [xhciNeverDeleted('destination'), ...switchLinkStatuses],
  async body(journey) {
    expect(await journey.migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    await journey.guest.hotplug(deviceOf(journey.options));
    await journey.guest.unplug('device0');
  },
});
