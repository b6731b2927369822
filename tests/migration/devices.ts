import { topology, type CellShape, type Options } from 'godwit';

interface CatalogueDevice {
  /** As `-device` takes it; `romfile=` keeps option ROMs of a build out of the comparison. */
  line: string;
  /** What it needs behind it, on a network that leads nowhere or a disk that holds nothing. */
  backend?: (name: string) => string[];
}

const network = (name: string): string[] => ['-netdev', `hubport,id=${name},hubid=0`];
const disk = (name: string): string[] => ['-blockdev', `driver=null-co,node-name=${name},read-zeroes=on`];

const devices: Readonly<Record<string, CatalogueDevice>> = {
  'virtio-net': { line: 'virtio-net-pci,romfile=,netdev=', backend: network },
  'virtio-blk': { line: 'virtio-blk-pci,drive=', backend: disk },
  'virtio-scsi': { line: 'virtio-scsi-pci' },
  e1000e: { line: 'e1000e,romfile=,netdev=', backend: network },
  'nec-usb-xhci': { line: 'nec-usb-xhci' },
  'qemu-xhci': { line: 'qemu-xhci' },
};

/** What the devices are plugged in behind, as names of topologies, each with a bus `slot0`. */
export const attachments = ['root-port', 'switch', 'pcie-pci-bridge'] as const;

/** The name of every device. */
export const everyDevice: readonly string[] = Object.keys(devices);

/** Every device behind every kind of slot. */
export const everyDeviceEverywhere = { device: everyDevice, behind: [...attachments] };

/** The `-device` value of a cell's device, on the bus of its slot. */
export function deviceOf(options: Options): string {
  return deviceIn(options, `bus=slot0,addr=${options['behind'] === 'pcie-pci-bridge' ? '0x1' : '0x0'}`);
}

/** The same in another place, as properties of a `-device` say it. */
export function deviceIn({ device = '' }: Options, place: string): string {
  const { line, backend } = find(device);
  return `${line}${backend ? 'backend0' : ''},id=device0,${place}`;
}

/** The words that give a cell's device what it needs behind it. */
export function backendOf({ device = '' }: Options): string[] {
  return find(device).backend?.('backend0') ?? [];
}

/** The slot of a cell, empty, with a backend for the device that is plugged into it. */
export function emptySlot({ options }: Pick<CellShape, 'options'>): string[] {
  return [...backendOf(options), ...topology(options['behind'] ?? '')];
}

/** The slot of a cell with the cell's device in it. */
export function filledSlot(cell: Pick<CellShape, 'options'>): string[] {
  return [...emptySlot(cell), '-device', deviceOf(cell.options)];
}

/** All devices at once behind one kind of slot: a port for each, or one bridge for all of them. */
export function everyDeviceBehind(behind: string): string[] {
  const plugged = Object.values(devices).flatMap(({ line, backend }, index) => {
    const place = behind === 'pcie-pci-bridge' ? `bus=slot0,addr=0x${index + 1}` : `bus=slot${index}`;
    const name = `backend${index}`;
    return [...(backend?.(name) ?? []), '-device', `${line}${backend ? name : ''},id=device${index},${place}`];
  });
  return [...portsFor(behind, Object.keys(devices).length), ...plugged];
}

/** A topology with as many slots as there are devices: more root ports, or more downstream ports of the switch. */
function portsFor(behind: string, count: number): string[] {
  const more = (line: (index: number) => string): string[] =>
    Array.from({ length: count - 1 }, (_, index) => ['-device', line(index + 1)]).flat();
  if (behind === 'root-port') {
    const port = (index: number): string =>
      `pcie-root-port,id=slot${index},bus=pcie.0,addr=0x${(index + 8).toString(16)}`;
    return [...topology(behind), ...more((index) => `${port(index)},chassis=${index + 10},slot=${index + 10}`)];
  }
  if (behind === 'switch') {
    const port = (index: number): string => `xio3130-downstream,id=slot${index},bus=upstream0`;
    return [...topology(behind), ...more((index) => `${port(index)},chassis=${index + 10},slot=${index + 10}`)];
  }
  return topology(behind);
}

function find(name: string): CatalogueDevice {
  const device = devices[name];
  if (!device) throw new Error(`the catalogue has no device '${name}'`);
  return device;
}
