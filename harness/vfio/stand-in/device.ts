import { type Build, compareVersions, parseVersion } from '../../build/build.js';
import { capabilityIds } from '../../pci/capability-ids.js';
import type { StandIn } from './library.js';

/** A device behind the stand-in for the kernel's VFIO: what the two sides of a migration may have different. */
export interface StandInDevice {
  /** What its vendor-specific capability (at 0x80) has behind the header of three bytes. No such capability where nothing is said. */
  vendorSpecific?: readonly number[];
  /** Properties of `-device vfio-pci` beyond those that it takes to be there and to migrate: `{ 'skip-vsc-check': 'on' }`. */
  properties?: Readonly<Record<string, string>>;
}

/** The id of the device on QEMU's command line. */
export const standInId = 'vfio0';
/** Offsets of its capabilities in configuration space. */
export const standInCapabilities = { msiX: 0x60, vendorSpecific: 0x80 } as const;

const configBytes = 0x100;
const vectors = 3;
/** In BAR 0, behind the registers. */
const msiXTable = 0x2000;
const msiXPending = 0x3000;
/** The name changed with 8.1, when migration of VFIO devices was no experiment any more (hw/vfio/pci.c). */
const plainlyNamed = parseVersion('8.1');

/**
 * Its configuration space as the kernel would show it: MSI-X, and the vendor-specific capability if it has one. Throws RangeError for one that
 * does not fit.
 */
export function standInConfig({ vendorSpecific }: StandInDevice): Buffer {
  const config = Buffer.alloc(configBytes);
  const { msiX, vendorSpecific: at } = standInCapabilities;
  config.writeUInt16LE(0x1b36, 0x00); // Vendor ID: Red Hat, which has the other devices that only QEMU knows
  config.writeUInt16LE(0x0f10, 0x02); // Device ID
  config.writeUInt16LE(0x0010, 0x06); // Status: Capabilities List
  config.writeUInt8(0xff, 0x0b); // Base Class Code: of no class
  config.writeUInt8(msiX, 0x34); // Capabilities Pointer
  config.writeUInt8(capabilityIds.msix, msiX);
  config.writeUInt16LE(vectors - 1, msiX + 2);
  config.writeUInt32LE(msiXTable, msiX + 4);
  config.writeUInt32LE(msiXPending, msiX + 8);
  if (!vendorSpecific) return config;
  config.writeUInt8(at, msiX + 1);
  const header = [capabilityIds.vendorSpecific, 0, 3 + vendorSpecific.length];
  if (at + 3 + vendorSpecific.length > configBytes)
    throw new RangeError(
      `a vendor-specific capability at 0x80 has at most 125 bytes, and not ${vendorSpecific.length}`,
    );
  config.set([...header, ...vendorSpecific], at);
  return config;
}

/** Words that put the device on the command line of that build. */
export function standInWords(device: StandInDevice, build: Build, { device: folder }: StandIn): string[] {
  const enable = compareVersions(build.version, plainlyNamed) < 0 ? 'x-enable-migration' : 'enable-migration';
  const properties = { id: standInId, sysfsdev: folder, [enable]: 'on', ...device.properties };
  const words = Object.entries(properties).map(([name, value]) => `${name}=${value.replaceAll(',', ',,')}`);
  return ['-device', ['vfio-pci', ...words].join(',')];
}

/** What QEMU's environment holds for it, in place of the kernel's device. */
export function standInEnvironment(device: StandInDevice, { library }: StandIn): Record<string, string> {
  // What the user preloads stays.
  const others = process.env['LD_PRELOAD'];
  return {
    LD_PRELOAD: others === undefined || others === '' ? library : `${library}:${others}`,
    GODWIT_VFIO_CONFIG: standInConfig(device).toString('hex'),
  };
}
