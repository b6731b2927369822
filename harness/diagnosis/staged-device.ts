/** A device to be started alone, at the place that a section's name says. */
export interface StagedDevice {
  driver: string;
  /** Its `-device`, those of the bridges above it, and backends without which it does not start. */
  words: string[];
}

/** Sections whose device has another name on the command line. */
const drivers: Readonly<Record<string, readonly string[]>> = {
  xhci: ['nec-usb-xhci', 'qemu-xhci'],
  ehci: ['usb-ehci', 'ich9-usb-ehci1'],
  uhci: ['piix3-usb-uhci'],
  ich9_ahci: ['ich9-ahci'],
  'ich9-ahci': ['ich9-ahci'],
  pci_bridge: ['pci-bridge'],
  'ioh-3240-express-root-port': ['ioh3420'],
  'xio3130-express-upstream-port': ['x3130-upstream'],
  'xio3130-express-downstream-port': ['xio3130-downstream'],
  'intel-hda': ['intel-hda', 'ich9-intel-hda'],
  lsiscsi: ['lsi53c895a'],
  'vmware-pvscsi': ['pvscsi'],
  pvscsi: ['pvscsi'],
};

const nullDisk = ['-blockdev', 'driver=null-co,node-name=staged,read-zeroes=on'];
const needs: Readonly<Record<string, { properties: string; words: string[] }>> = {
  'virtio-blk-pci': { properties: ',drive=staged', words: nullDisk },
  nvme: { properties: ',drive=staged,serial=staged', words: nullDisk },
};

/** Cards with a boot ROM, which not every package of QEMU brings. */
const hasRom = /^(?:virtio-net|e1000|igb|rtl8139|vmxnet3|pcnet|ne2k_pci|i8255)/;

const place = /^(?:[\da-f]{4}:00|(pci@)[\da-f]+)((?::[\da-f]{2}\.[0-7])+)\/([^/.]+)/;

/**
 * Devices that may have written a section of a PCI device ('0000:00:12.0:00.0/virtio-net'), to be tried in turn. A root port stands in for each bridge
 * above; empty where the name tells no place, or the device is one of the host's (VFIO).
 */
export function stagedDevice(section: string): StagedDevice[] {
  const [, pseries, way, name] = place.exec(section) ?? [];
  if (way === undefined || name === undefined || name === 'vfio') return [];
  const slots = way.slice(1).split(':');
  const last = slots.pop();
  const above = slots.flatMap((slot, index) => [
    '-device',
    `${index === 0 && pseries === undefined ? 'pcie-root-port' : 'pci-bridge,chassis_nr=1'},id=above${index},addr=${slot}${bridgeProperties(index, pseries === undefined)}`,
  ]);
  const bus = slots.length > 0 ? `,bus=above${slots.length - 1}` : '';
  return (drivers[name] ?? [name, `${name}-pci`]).map((driver) => {
    const { properties = hasRom.test(driver) ? ',romfile=' : '', words = [] } = needs[driver] ?? {};
    return { driver, words: [...above, ...words, '-device', `${driver}${bus},addr=${last ?? '0'}${properties}`] };
  });
}

/** The first bridge of PCI Express is a root port; every other one is a bridge of conventional PCI, on the one above it. */
function bridgeProperties(index: number, isExpress: boolean): string {
  if (index > 0) return `,bus=above${index - 1}`;
  return isExpress ? ',chassis=250,slot=250' : '';
}
