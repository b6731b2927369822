import { expect, scenario } from 'godwit';
import { deviceOf, emptySlot } from './devices.js';
import { switchLinkStatuses, virtioQueueSize } from './known-issues.js';

const clean = 'completed with clean logs and unchanged configuration space';

scenario('three builds, a system reset on the middle one', {
  machines: 'pc-q35-*',
  route: 'three',
  options: { device: ['virtio-net'], behind: ['root-port', 'switch'] },
  devices: emptySlot,
  known: [...switchLinkStatuses, virtioQueueSize()],
  async body(journey) {
    expect(await journey.migrate(), clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    await journey.guest.reset();
    await journey.guest.hotplug(deviceOf(journey.options));
    expect(await journey.migrate(), clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    await journey.guest.unplug('device0');
  },
});

scenario('there and back with a hotplugged device', {
  machines: 'pc-q35-*',
  route: 'there-and-back',
  options: { device: ['virtio-blk'], behind: ['root-port', 'pcie-pci-bridge'] },
  devices: emptySlot,
  hotplugs: true,
  known: [virtioQueueSize()],
  async body(journey) {
    await journey.guest.hotplug(deviceOf(journey.options));
    for (const _ of journey.route.slice(1)) {
      expect(await journey.migrate({ channel: 'tcp' }), clean).to.be.completed.with.cleanLogs.and.to.preserve
        .configSpace;
    }
    await journey.guest.unplug('device0');
  },
});
