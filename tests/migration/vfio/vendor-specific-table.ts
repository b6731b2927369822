/** What of a vendor-specific capability (PCI Code and ID Assignment Specification, capability 0x09) differs between the two sides. */
export type VendorSpecificDifference = 'nothing' | 'contents' | 'length';

/** A row of seed 002's table: what a destination does with such a difference of a device that vfio-pci carries. */
export interface VendorSpecificRow {
  differs: VendorSpecificDifference;
  /** Versions of the destination's QEMU, as ranges of semver. */
  destination: string;
  /** Versioned machine types, up to 9.0 or from 9.1 on; all where nothing is said. */
  machines?: 'up to 9.0' | 'from 9.1';
  /** What the destination's `-device` says; the machine type's own value where nothing is said. */
  skipVscCheck?: 'on' | 'off';
  /** Behind the capability's first byte, the first byte that the destination's error names; none where it accepts the stream. */
  refusedAt?: 2 | 3;
}

/**
 * Seed 002: before 9.1 every byte of the capability must be the same on both sides. From 9.1 on the contents may differ, but for machine types
 * up to 9.0, whose compat property skip-vsc-check is off; the header of three bytes, with the length in its last one, is checked ever after
 * (hw/vfio/pci.c, vfio_add_vendor_specific_cap). Stand-in and the kernel's own VFIO have to agree with it.
 */
export const vendorSpecificTable: readonly VendorSpecificRow[] = [
  { differs: 'nothing', destination: '*' },
  { differs: 'length', destination: '*', refusedAt: 2 },
  { differs: 'contents', destination: '<9.1', refusedAt: 3 },
  { differs: 'contents', destination: '>=9.1', machines: 'up to 9.0', refusedAt: 3 },
  { differs: 'contents', destination: '>=9.1', machines: 'up to 9.0', skipVscCheck: 'on' },
  { differs: 'contents', destination: '>=9.1', machines: 'from 9.1' },
  { differs: 'contents', destination: '>=9.1', machines: 'from 9.1', skipVscCheck: 'off', refusedAt: 3 },
];
