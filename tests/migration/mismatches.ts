/** Two command lines that differ on purpose, and what the destination has to say of it, in fields. */
export interface Mismatch {
  source?: string;
  destination?: string;
  /** MiB of guest memory on the destination, where it is not the source's. */
  destinationMemoryMiB?: number;
  /** The destination's machine type, from the source's. */
  destinationMachineType?: (source: string) => string;
  /** The first QEMU that knows what the command lines use. */
  since?: number;
  kind: string;
  fields: Record<string, string | number>;
}

const netPort = '-netdev hubport,id=net0,hubid=0';
const disk = '-blockdev driver=null-co,node-name=disk0,read-zeroes=on';
const e1000 = '-device e1000,addr=0x5';
const rootPort = '-device pcie-root-port,addr=0x5,chassis=1';
const xhci = '-device nec-usb-xhci,id=xhci0,addr=0x5';
const scsi = '-device virtio-scsi-pci,id=scsi0,addr=0x5';

/** Every mismatch of the catalogue, by its name. */
export const mismatches: Readonly<Record<string, Mismatch>> = {
  'network card missing': {
    source: e1000,
    kind: 'unknown-ramblock',
    fields: { block: '0000:00:05.0/e1000.rom' },
  },
  'network card in another slot': {
    source: e1000,
    destination: '-device e1000,addr=0x6',
    kind: 'unknown-ramblock',
    fields: { block: '0000:00:05.0/e1000.rom' },
  },
  'network card of another model': {
    source: e1000,
    destination: '-device rtl8139,addr=0x5',
    kind: 'unknown-ramblock',
    fields: { block: '0000:00:05.0/e1000.rom' },
  },
  'network card without ROM missing': {
    source: `${e1000},romfile=`,
    kind: 'unknown-section',
    fields: { section: '0000:00:05.0/e1000', instance: 0 },
  },
  'option ROM of another size': {
    since: 6,
    source: `${e1000},romsize=524288`,
    destination: `${e1000},romsize=262144`,
    kind: 'ramblock-size',
    fields: { block: '0000:00:05.0/e1000.rom', source: 0x80000, destination: 0x40000 },
  },
  'memory of another size': {
    destinationMemoryMiB: 32,
    kind: 'ramblock-size',
    fields: { block: 'pc.ram', source: 0x1000000, destination: 0x2000000 },
  },
  'memory backend of another name': {
    source: '-object memory-backend-ram,id=ra,size=16M -machine memory-backend=ra',
    destination: '-object memory-backend-ram,id=rb,size=16M -machine memory-backend=rb',
    kind: 'unknown-ramblock',
    fields: { block: 'ra' },
  },
  'virtio-net vectors': {
    source: `${netPort} -device virtio-net-pci,netdev=net0,addr=0x5,romfile=,vectors=3`,
    destination: `${netPort} -device virtio-net-pci,netdev=net0,addr=0x5,romfile=,vectors=4`,
    kind: 'config-mismatch',
    fields: { offset: 0x9a, read: 2, device: 3, register: 'MSI-X Message Control' },
  },
  'virtio-blk queues': {
    source: `${disk} -device virtio-blk-pci,drive=disk0,addr=0x5,num-queues=4`,
    destination: `${disk} -device virtio-blk-pci,drive=disk0,addr=0x5,num-queues=1`,
    kind: 'config-mismatch',
    fields: { offset: 0x9a, read: 4, device: 1, register: 'MSI-X Message Control' },
  },
  'virtio legacy interface': {
    source: `${netPort} -device virtio-net-pci,netdev=net0,addr=0x5,romfile=,disable-legacy=on`,
    destination: `${netPort} -device virtio-net-pci,netdev=net0,addr=0x5,romfile=,disable-legacy=off`,
    kind: 'config-mismatch',
    fields: { offset: 0x2, read: 0x41, device: 0, register: 'Device ID' },
  },
  'slot number of a root port': {
    source: `${rootPort},slot=1`,
    destination: `${rootPort},slot=2`,
    kind: 'config-mismatch',
    fields: { offset: 0x6a, read: 0x0a, device: 0x12, register: 'Slot Capabilities' },
  },
  'hotplug of a root port': {
    source: `${rootPort},hotplug=on`,
    destination: `${rootPort},hotplug=off`,
    kind: 'config-mismatch',
    fields: { offset: 0x68, read: 0x7b, device: 0x1b, register: 'Slot Capabilities' },
  },
  'link speed of a root port': {
    source: `${rootPort},x-speed=8`,
    destination: `${rootPort},x-speed=16`,
    kind: 'config-mismatch',
    fields: { offset: 0x60, read: 3, device: 4, register: 'Link Capabilities' },
  },
  'ports of a USB controller': {
    source: `${xhci},p2=4,p3=4`,
    destination: `${xhci},p2=8,p3=8`,
    kind: 'missing-section-footer',
    fields: { section: '0000:00:05.0/xhci' },
  },
  'USB tablet missing': {
    source: `${xhci} -device usb-tablet,bus=xhci0.0`,
    destination: xhci,
    kind: 'unknown-section',
    fields: { section: '0000:00:05.0/1/usb-ptr', instance: 0 },
  },
  'SCSI disk missing': {
    source: `${disk} ${scsi} -device scsi-hd,drive=disk0,bus=scsi0.0`,
    destination: `${disk} ${scsi}`,
    kind: 'unknown-section',
    fields: { section: '0000:00:05.0/0:0:0/scsi-disk', instance: 0 },
  },
  'HPET missing': {
    destination: '-machine hpet=off',
    kind: 'unknown-section',
    fields: { section: 'hpet', instance: 0 },
  },
  'IOMMU missing': {
    source: '-device intel-iommu',
    kind: 'unknown-section',
    fields: { section: 'iommu-intel', instance: 0 },
  },
  'serial port missing': {
    source: '-serial null',
    kind: 'unknown-section',
    fields: { section: 'serial', instance: 0 },
  },
  'another machine type': {
    destinationMachineType: (source) => source.replace('q35', 'i440fx'),
    kind: 'machine-type',
    fields: {},
  },
};
