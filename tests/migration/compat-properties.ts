import type { MigrationPlan } from 'godwit';

/** What one direction of migration has to say when the newer side's compat property is switched off. */
interface Expected {
  kind: string;
  fields: Record<string, string | number>;
}

/** A compat property that keeps a newer QEMU compatible with an older one, and what happens without it. */
export interface CompatProperty {
  machineType: string;
  devices: string;
  /** Switches the property off, on the newer side. */
  global: string;
  /** QEMU versions that have the older and the newer behaviour. */
  older: string;
  newer: string;
  plan?: MigrationPlan;
  newerToOlder?: Expected;
  olderToNewer?: Expected;
}

const memory = '-m 16M,maxmem=1G -object memory-backend-ram,id=vmem0,size=64M';

/** Every compat property of the catalogue, by its name. */
export const compatProperties: Readonly<Record<string, CompatProperty>> = {
  'pcie-root-port.x-pcie-err-unc-mask': {
    machineType: 'pc-q35-7.2',
    devices: '-device pcie-root-port,addr=0x5,chassis=1,slot=1',
    global: '-global pcie-root-port.x-pcie-err-unc-mask=on',
    older: '<8.0',
    newer: '>=8.1',
    newerToOlder: { kind: 'config-mismatch', fields: { offset: 0x10a, read: 0x40, device: 0 } },
  },
  'virtio-mem.x-early-migration': {
    machineType: 'pc-q35-7.2',
    devices: `${memory} -device virtio-mem-pci,memdev=vmem0,addr=0x5`,
    global: '-global virtio-mem.x-early-migration=on',
    older: '<8.0',
    newer: '>=8.1',
    olderToNewer: { kind: 'missing-section-footer', fields: {} },
    newerToOlder: { kind: 'unknown-section', fields: { section: '0000:00:05.0/virtio-mem-device-early' } },
  },
  'virtio-balloon-pci.vectors': {
    machineType: 'pc-q35-7.2',
    devices: '-device virtio-balloon-pci,addr=0x5',
    global: '-global virtio-balloon-pci.vectors=2',
    older: '<8.0',
    newer: '>=8.1',
    newerToOlder: { kind: 'config-mismatch', fields: { offset: 0x34, read: 0x98, device: 0x84 } },
    olderToNewer: { kind: 'config-mismatch', fields: { offset: 0x34, read: 0x84, device: 0x98 } },
  },
  'migration.multifd-flush-after-each-section': {
    machineType: 'pc-q35-7.2',
    devices: '',
    global: '-global migration.multifd-flush-after-each-section=off',
    older: '<8.0',
    newer: '>=8.1',
    plan: { capabilities: { multifd: true } },
    newerToOlder: { kind: 'unknown-flags', fields: { flags: 0x200 } },
  },
  'igb.x-pcie-ari-nextfn-1': {
    machineType: 'pc-q35-8.0',
    devices: '-device pcie-root-port,id=root0,addr=0x4,chassis=1,slot=1 -device igb,bus=root0,romfile=',
    global: '-global igb.x-pcie-ari-nextfn-1=off',
    older: '>=8.0 <11',
    newer: '>=11',
    newerToOlder: { kind: 'config-mismatch', fields: { offset: 0x155, read: 0, device: 1 } },
    olderToNewer: { kind: 'config-mismatch', fields: { offset: 0x155, read: 1, device: 0 } },
  },
  'ICH9-LPC.acpi-pci-hotplug-with-bridge-support': {
    machineType: 'pc-q35-5.2',
    devices: '-device pcie-root-port,addr=0x5,chassis=1,slot=1',
    global: '-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=on',
    older: '<6.0',
    newer: '>=6.1',
    newerToOlder: { kind: 'vmstate-path', fields: { vmstate: 'ICH9LPC', path: 'pm' } },
  },
};
