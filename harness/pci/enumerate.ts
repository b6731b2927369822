import type { PciAccess } from './access.js';
import { capabilityIds } from './capability-ids.js';
import type { PciAddress } from './address.js';
import { findCapability } from './registers.js';

interface Bridge {
  secondaryBus: number;
  subordinateBus: number;
}

/** What enumeration found at one address. */
export interface PciFunction {
  address: PciAddress;
  vendorId: number;
  deviceId: number;
  /** The buses behind a bridge (type 1 header). */
  bridge?: Bridge;
  /** Header and capabilities as they were when the function was found, 256 bytes. */
  space: Uint8Array;
}

/** Bytes of configuration space that enumeration looks at: the header and the capabilities of its list. */
const headerAndCapabilities = 256;
const headerTypeOffset = 0x0e;
/** Primary, secondary and subordinate bus number in one. */
const busNumbers = { offset: 0x18, width: 4 } as const;

/**
 * Walks the hierarchy from bus 0 as firmware does, gives every bridge its bus numbers, and returns every function found,
 * parents before children. A function other than 0 is looked for only where function 0 says that there are more, as the
 * PCI Local Bus Specification 3.0, 3.2.2.3.4 tells guests to do.
 */
export async function enumerate(access: PciAccess): Promise<PciFunction[]> {
  const found: PciFunction[] = [];
  let lastBus = 0;

  const scan = async (bus: number, devices: number): Promise<void> => {
    for (const address of await functionsOn(access, bus, devices)) {
      const space = await access.readSpace(address, headerAndCapabilities);
      const view = viewOf(space);
      const seen: PciFunction = {
        address,
        vendorId: view.getUint16(0, true),
        deviceId: view.getUint16(2, true),
        space,
      };
      found.push(seen);
      if (isBridge(space)) seen.bridge = await scanBehind(address, space);
    }
  };
  const scanBehind = async (address: PciAddress, space: Uint8Array): Promise<Bridge> => {
    const secondaryBus = ++lastBus;
    const write = (subordinateBus: number): Promise<void> =>
      access.write(address, busNumbers, (subordinateBus << 16) | (secondaryBus << 8) | address.bus);
    await write(0xff);
    await scan(secondaryBus, leadsToOneDevice(space) ? 1 : 32);
    await write(lastBus);
    return { secondaryBus, subordinateBus: lastBus };
  };

  await scan(0, 32);
  return found;
}

async function functionsOn(access: PciAccess, bus: number, devices: number): Promise<PciAddress[]> {
  const first = await presentOf(
    access,
    Array.from({ length: devices }, (_, device) => ({ bus, device, function: 0 })),
  );
  const headerTypes = await Promise.all(first.map((address) => access.read(address, headerTypeOffset, 1)));
  const present: PciAddress[] = [];
  for (const [index, address] of first.entries()) {
    present.push(address);
    if (((headerTypes[index] ?? 0) & 0x80) === 0) continue;
    const others = [1, 2, 3, 4, 5, 6, 7].map((number) => ({ ...address, function: number }));
    present.push(...(await presentOf(access, others)));
  }
  return present;
}

async function presentOf(access: PciAccess, addresses: readonly PciAddress[]): Promise<PciAddress[]> {
  const ids = await Promise.all(addresses.map((address) => access.read(address, 0, 4)));
  return addresses.filter((_, index) => isPresent(ids[index] ?? 0xffffffff));
}

function isPresent(ids: number): boolean {
  return (ids & 0xffff) !== 0xffff && ids !== 0;
}

function isBridge(space: Uint8Array): boolean {
  return ((space[headerTypeOffset] ?? 0) & 0x7f) === 1;
}

/** True below a root port or a switch's downstream port, where the link ends in one device. */
function leadsToOneDevice(space: Uint8Array): boolean {
  const express = findCapability(space, capabilityIds.express);
  if (!express) return false;
  const portType = ((space[express.offset + 2] ?? 0) >> 4) & 0xf;
  return portType === 4 || portType === 6;
}

function viewOf(space: Uint8Array): DataView {
  return new DataView(space.buffer, space.byteOffset, space.byteLength);
}
