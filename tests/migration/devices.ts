import { topology, type CellShape, type Options } from 'godwit';

/** The devices that the catalogue plugs, as `-device` takes them; `romfile=` keeps option ROMs of a build out of the comparison. */
export const deviceLines = {
  'virtio-net': 'virtio-net-pci,id=device0,netdev=net0,romfile=',
  'virtio-blk': 'virtio-blk-pci,id=device0,drive=disk0',
  'virtio-scsi': 'virtio-scsi-pci,id=device0',
  e1000e: 'e1000e,id=device0,netdev=net0,romfile=',
  'nec-usb-xhci': 'nec-usb-xhci,id=device0',
  'qemu-xhci': 'qemu-xhci,id=device0',
} as const;

/** What the devices are plugged in behind, as names of topologies, each with a bus `slot0`. */
export const attachments = ['root-port', 'switch', 'pcie-pci-bridge'] as const;

/** Every device behind every kind of slot. */
export const everyDeviceEverywhere = { device: Object.keys(deviceLines), behind: [...attachments] };

/** The `-device` value of a cell's device, on the bus of its slot. */
export function deviceOf({ device = '', behind }: Options): string {
  const line = Object.entries(deviceLines).find(([name]) => name === device)?.[1];
  if (line === undefined) throw new Error(`no device line for '${device}'`);
  return `${line},bus=slot0,addr=${behind === 'pcie-pci-bridge' ? '0x1' : '0x0'}`;
}

/** The slot of a cell, empty, with backends for whatever is plugged into it. */
export function emptySlot({ options }: Pick<CellShape, 'options'>): string[] {
  return [...topology('backends'), ...topology(options['behind'] ?? '')];
}

/** The slot of a cell with the cell's device in it. */
export function filledSlot({ options }: Pick<CellShape, 'options'>): string[] {
  return [...emptySlot({ options }), '-device', deviceOf(options)];
}
