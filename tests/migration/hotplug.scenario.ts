import { scenario } from 'godwit';
import { deviceOf, emptySlot, everyDeviceEverywhere, filledSlot } from './devices.js';
import { plugTravelUnplug, travelPlugUnplug, unplugTravel } from './hotplugs.js';
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
  body: (journey) => plugTravelUnplug(journey, deviceOf(journey.options)),
});

scenario('unplug before migration', {
  machines: 'pc-q35-*',
  options: everyDeviceEverywhere,
  devices: filledSlot,
  hotplugs: true,
  known: [xhciNeverDeleted('source'), ...switchLinkStatuses],
  body: unplugTravel,
});

scenario('hotplug on the destination after migration', {
  machines: 'pc-q35-*',
  options: everyDeviceEverywhere,
  devices: emptySlot,
  known: [xhciNeverDeleted('destination'), ...switchLinkStatuses],
  body: (journey) => travelPlugUnplug(journey, deviceOf(journey.options)),
});
