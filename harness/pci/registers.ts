import { hex } from '../core/hex.js';
import { capabilityIds } from './capability-ids.js';
import { cxlLayouts, cxlVendor } from './tables/compute-express-link.js';
import { extendedCapabilityLayouts } from './tables/extended.js';
import { anyHeader, type0Header, type1Header } from './tables/header.js';
import type { CapabilityLayout, Register, RegisterBits } from './tables/layout.js';
import { capabilityLayouts, msiRegisters } from './tables/standard.js';

export type { Register, RegisterBits } from './tables/layout.js';

/** Masks of the bits of Slot Control. Source: PCI Express Base Specification 5.0, 7.5.3.10, table 7-26. */
export const SlotControl = {
  ABPE: 0x0001,
  PFDE: 0x0002,
  MRLSCE: 0x0004,
  PDCE: 0x0008,
  CCIE: 0x0010,
  HPIE: 0x0020,
  AIC: 0x00c0,
  PIC: 0x0300,
  PCC: 0x0400,
  EIC: 0x0800,
  DLLSCE: 0x1000,
} as const;

/** Masks of the bits of Slot Status. Source: PCI Express Base Specification 5.0, 7.5.3.11, table 7-27. */
export const SlotStatus = {
  ABP: 0x0001,
  PFD: 0x0002,
  MRLSC: 0x0004,
  PDC: 0x0008,
  CC: 0x0010,
  MRLSS: 0x0020,
  PDS: 0x0040,
  EIS: 0x0080,
  DLLSC: 0x0100,
} as const;

export interface Capability {
  id: number;
  /** In the words of the PCI specifications, or the number where it has no name here. */
  name: string;
  /** In configuration space, in bytes. */
  offset: number;
  /** True in the second list, which starts at 0x100. */
  extended: boolean;
}

const capabilitiesPointer = 0x34;
const extendedStart = 0x100;
const messageSignalled = 0x05;
const vendorSpecificExtended = 0x0b;
const designatedVendorSpecific = 0x23;
const designatedHeaderBytes = 10;

/**
 * The capabilities of a function in the order of its two lists. A list that is broken (a loop, a pointer into the header or
 * out of the space) ends where it breaks.
 */
export function capabilities(config: Uint8Array): Capability[] {
  return [...standardCapabilities(config), ...extendedCapabilities(config)];
}

/** The first capability with this ID in the list that starts in the header. */
export function findCapability(config: Uint8Array, id: number): Capability | undefined {
  return standardCapabilities(config).find((capability) => capability.id === id);
}

/**
 * The register that covers a byte of configuration space; its `offset` is in configuration space. In a capability that has no
 * table here, it is that byte alone, named after the capability. Undefined where nothing is known to be.
 */
export function registerAt(config: Uint8Array, offset: number): Register | undefined {
  if (offset < 0x40) return covering(headerOf(config), 0, offset);
  // A table may be longer than what a function has of it: a capability ends where the next one begins.
  const capability = capabilityAt(config, offset);
  if (!capability) return undefined;
  return (
    covering(registersOf(config, capability), capability.offset, offset) ?? unnamedByte(config, capability, offset)
  );
}

/** The capability in which a byte lies: the last one of its list that begins at or before it. Undefined in the header. */
export function capabilityAt(config: Uint8Array, offset: number): Capability | undefined {
  const before = capabilities(config).filter((capability) => capability.offset <= offset);
  const found = before.sort((a, b) => b.offset - a.offset)[0];
  return found?.extended === offset >= extendedStart ? found : undefined;
}

/** The register that covers a byte of a header of which nothing else is known; undefined where types 0 and 1 differ. */
export function headerRegisterAt(offset: number): Register | undefined {
  return covering(anyHeader, 0, offset);
}

/** The value of a bit field in the register's value. */
export function bitsOf(value: number, field: RegisterBits): number {
  return Math.floor(value / 2 ** field.shift) % 2 ** field.width;
}

function standardCapabilities(config: Uint8Array): Capability[] {
  const found: Capability[] = [];
  const seen = new Set<number>();
  const hasList = ((config[0x06] ?? 0) & 0x10) !== 0;
  let offset = hasList ? (config[capabilitiesPointer] ?? 0) & 0xfc : 0;
  while (offset >= 0x40 && offset + 1 < config.length && !seen.has(offset)) {
    seen.add(offset);
    const id = config[offset] ?? 0;
    found.push({ id, name: capabilityLayouts[id]?.name ?? `capability ${hex(id)}`, offset, extended: false });
    offset = (config[offset + 1] ?? 0) & 0xfc;
  }
  return found;
}

function extendedCapabilities(config: Uint8Array): Capability[] {
  const found: Capability[] = [];
  const seen = new Set<number>();
  const view = new DataView(config.buffer, config.byteOffset, config.byteLength);
  let offset = extendedStart;
  while (offset >= extendedStart && offset + 4 <= config.length && !seen.has(offset)) {
    seen.add(offset);
    const header = view.getUint32(offset, true);
    const id = header & 0xffff;
    // All zeroes or all ones: the function has no extended capabilities.
    if (id === 0 || id === 0xffff) break;
    const capability = { id, name: '', offset, extended: true };
    const named = cxlLayoutOf(config, capability) ?? extendedCapabilityLayouts[id];
    found.push({ ...capability, name: named?.name ?? `extended capability ${hex(id)}` });
    offset = (header >>> 20) & 0xffc;
  }
  return found;
}

function headerOf(config: Uint8Array): Register[] {
  const layout = (config[0x0e] ?? 0) & 0x7f;
  if (layout === 0) return type0Header;
  return layout === 1 ? type1Header : anyHeader;
}

function layoutOf(capability: Capability): CapabilityLayout | undefined {
  return (capability.extended ? extendedCapabilityLayouts : capabilityLayouts)[capability.id];
}

function registersOf(config: Uint8Array, capability: Capability): Register[] {
  const { name, extended, offset } = capability;
  const head: Register[] = extended
    ? [{ name: `${name} Extended Capability Header`, offset: 0, width: 4, bits: [] }]
    : [
        { name: `${name} Capability ID`, offset: 0, width: 1, bits: [] },
        { name: `${name} Next Capability Pointer`, offset: 1, width: 1, bits: [] },
      ];
  if (!extended && capability.id === messageSignalled) {
    const messageControl = (config[offset + 2] ?? 0) | ((config[offset + 3] ?? 0) << 8);
    return [...head, ...msiRegisters(messageControl)];
  }
  return [...head, ...(layoutOf(capability)?.registers ?? []), ...(cxlLayoutOf(config, capability)?.registers ?? [])];
}

/** CXL's own layout of a Designated Vendor-Specific capability, if it is one of CXL's. */
function cxlLayoutOf(config: Uint8Array, { id, extended, offset }: Capability): CapabilityLayout | undefined {
  if (!extended || id !== designatedVendorSpecific || offset + designatedHeaderBytes > config.length) return undefined;
  const view = new DataView(config.buffer, config.byteOffset, config.byteLength);
  return view.getUint16(offset + 4, true) === cxlVendor ? cxlLayouts[view.getUint16(offset + 8, true)] : undefined;
}

function covering(registers: Register[], base: number, offset: number): Register | undefined {
  const found = registers.find((register) => {
    const start = base + register.offset;
    return offset >= start && offset < start + register.width;
  });
  return found && { ...found, offset: base + found.offset };
}

/** A byte of a capability that has no table, or of what a vendor keeps in one. */
function unnamedByte(config: Uint8Array, capability: Capability, offset: number): Register | undefined {
  const within = offset - capability.offset;
  const length = vendorsLength(config, capability);
  if (length === undefined ? layoutOf(capability)?.registers.length : within >= length) return undefined;
  return { name: `${capability.name} byte ${hex(within)}`, offset, width: 1, bits: [] };
}

/** Bytes of a vendor's capability with its header; undefined for any other. */
function vendorsLength(config: Uint8Array, { id, extended, offset }: Capability): number | undefined {
  if (!extended) return id === capabilityIds.vendorSpecific ? (config[offset + 2] ?? 0) : undefined;
  if (id !== vendorSpecificExtended && id !== designatedVendorSpecific) return undefined;
  return ((config[offset + 7] ?? 0) << 4) | ((config[offset + 6] ?? 0) >> 4);
}

/** A configuration space of which nothing is known but one capability of the standard list, 256 bytes. */
export function spaceWithCapability(id: number, offset: number): Uint8Array {
  const space = new Uint8Array(256);
  space[0x06] = 0x10;
  space[capabilitiesPointer] = offset;
  space[offset] = id;
  return space;
}
