/** What is known of the machine's PCI functions, by address as the guest numbers them: "00:12.0". */
export interface TopologyView {
  byAddress(address: string): KnownFunction | undefined;
  /** The `-device` that sits at a place of the stream's own naming: root bus, then device and function of every bridge on the way ("00:12.0:00.0"). */
  byPlace?(place: string): PlacedDevice | undefined;
  /** The function that wrote a section of the stream ('0000:00:12.0/pcie-root-port'), where somebody has its configuration space by that name. */
  bySection?(section: string): KnownFunction | undefined;
}

/** One `-device` of a command line. */
export interface PlacedDevice {
  driver: string;
  id?: string;
  /** Its value, as it was written. */
  text: string;
}

/** One PCI function. */
export interface KnownFunction {
  /** The `-device` id; absent or '' when it has none. */
  id?: string;
  /** The name of the `-device`. */
  model?: string;
  /** Configuration space as the guest saw it before the migration. */
  config: Uint8Array;
}

/** A device that the stream names, in the words of the command line where they are known. */
export interface NamedDevice {
  /** "pcie-root-port18 (00:12.0)"; the name in the stream where nothing more is known. */
  name: string;
  id?: string;
  /** The value of the `-device` that made it. */
  commandLine?: string;
  known?: KnownFunction;
}

const secondaryBusOffset = 0x19;

/**
 * A qdev path of PCI: domain and root bus, or the host bridge of a pseries machine, whose bus is 0; then device and function of every bridge on the
 * way (hw/pci/pci.c, pcibus_get_dev_path; hw/ppc/spapr_pci.c, spapr_phb_root_bus_path).
 */
const pciPath = /^(?:[\da-f]{4}:(?<bus>[\da-f]{2})|pci@[\da-f]+)(?<way>(?::[\da-f]{2}\.[0-7])+)\/(?<rest>.+)$/;

/** Names the owner of a vmstate section or RAM block: '0000:00:12.0/pcie-root-port', '0000:00:05.0/1/usb-ptr', 'hpet'. */
export function nameDevice(section: string, topology?: TopologyView): NamedDevice {
  const { bus = '00', way, rest } = pciPath.exec(section)?.groups ?? {};
  if (way === undefined || rest === undefined) return { name: section };
  const slots = way.slice(1).split(':');
  const found = follow(bus, slots, topology);
  const placed = topology?.byPlace?.(`${bus}${way}`);
  const known = topology?.bySection?.(section) ?? found?.known;
  if (!found && !placed && !known) return { name: section };
  return inWords({ section, rest, address: found?.address ?? `${bus}${way}` }, known, placed);
}

/** `rest` is what follows the address: the device's own name, or that of a part of it ("e1000.rom", "1/usb-ptr"). */
function inWords(
  { section, rest, address }: { section: string; rest: string; address: string },
  known?: KnownFunction,
  placed?: PlacedDevice,
): NamedDevice {
  const commandLine = placed && { commandLine: placed.text };
  if (!known && !placed) return { name: isPart(rest) ? section : `${rest} (${address})` };
  const id = [known?.id, placed?.id].find((name) => name !== undefined && name !== '');
  const own = `${id ?? known?.model ?? placed?.driver ?? rest} (${address})`;
  const facts = { ...commandLine, ...(known && { known }) };
  if (isPart(rest)) return { name: `${rest} of ${own}`, ...facts };
  return { name: own, ...facts, ...(id !== undefined && { id }) };
}

function isPart(rest: string): boolean {
  return rest.includes('/') || rest.includes('.');
}

interface Followed {
  address: string;
  known?: KnownFunction;
}

/** Turns the slots on the way into an address with the bus number that the guest gave to the last bridge. */
function follow(rootBus: string, slots: string[], topology?: TopologyView): Followed | undefined {
  let bus = rootBus;
  for (const [index, slot] of slots.entries()) {
    const address = `${bus}:${slot}`;
    const known = topology?.byAddress(address);
    if (index === slots.length - 1) return { address, ...(known && { known }) };
    const secondaryBus = known?.config[secondaryBusOffset];
    if (secondaryBus === undefined || secondaryBus === 0) return undefined;
    bus = secondaryBus.toString(16).padStart(2, '0');
  }
  return undefined;
}
