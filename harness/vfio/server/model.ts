import { capabilityIds } from '../../pci/capability-ids.js';

/** What a device is, as data: everything of it is a memory BAR, an MSI-X capability and perhaps a vendor-specific one. */
export interface DeviceModel {
  vendorId: number;
  deviceId: number;
  /** Size of configuration space: 4096 has room for extended capabilities. */
  configBytes: 256 | 4096;
  /** Sizes of the BARs from 0 on, in bytes: powers of two, at least 4096. The first holds the MSI-X table and the pending bits. */
  bars: readonly number[];
  msix: { offset: number; vectors: number };
  /** The vendor-specific capability (VSC): its contents come after three bytes of header. */
  vendorSpecific?: { offset: number; contents: Uint8Array };
  /** False for a device that has no migration. */
  migratable: boolean;
  /** `max_data_xfer_size`, in bytes. */
  transferBytes: number;
  /** Bytes of configuration space that are not what they should be. */
  pokes: readonly { offset: number; value: number }[];
  /** Bits of configuration space that can be written and should not be. */
  writable: readonly { offset: number; mask: number }[];
}

/** A device with nothing wrong: its MSI-X capability is where the one of seed 003 is, at 0x84. */
export const defaultModel: DeviceModel = {
  vendorId: 0x1b36,
  deviceId: 0x00ff,
  configBytes: 256,
  bars: [0x1000, 0x2000],
  msix: { offset: 0x84, vectors: 4 },
  vendorSpecific: { offset: 0xa0, contents: Buffer.from('godwit vsc') },
  migratable: true,
  transferBytes: 1024 * 1024,
  pokes: [],
  writable: [],
};

/** Where the pending bits begin in the first BAR: after the table. */
const pendingBits = 0x800;

/** Configuration space as the device has it after a reset, and the bits of it that can be written. */
export function configOf(model: DeviceModel): { reset: Buffer; mask: Buffer } {
  const reset = Buffer.alloc(model.configBytes);
  const mask = Buffer.alloc(model.configBytes);
  reset.writeUInt16LE(model.vendorId, 0x00);
  reset.writeUInt16LE(model.deviceId, 0x02);
  // Memory Space, Bus Master, Parity Error Response, SERR# and Interrupt Disable of Command.
  mask.writeUInt16LE(0x0546, 0x04);
  reset.writeUInt16LE(0x0010, 0x06);
  reset.writeUInt8(0xff, 0x0b);
  mask.writeUInt16LE(0xffff, 0x0c);
  model.bars.forEach((bytes, bar) => mask.writeUInt32LE(-bytes >>> 0, 0x10 + 4 * bar));
  mask.writeUInt8(0xff, 0x3c);
  addCapabilities(model, reset);
  // MSI-X Enable and Function Mask.
  mask.writeUInt8(0xc0, model.msix.offset + 3);
  for (const { offset, value } of model.pokes) reset.writeUInt8(value, offset);
  for (const { offset, mask: bits } of model.writable) mask.writeUInt8(bits, offset);
  return { reset, mask };
}

function addCapabilities({ msix, vendorSpecific }: DeviceModel, config: Buffer): void {
  config.writeUInt8(msix.offset, 0x34);
  config.writeUInt8(capabilityIds.msix, msix.offset);
  config.writeUInt8(vendorSpecific?.offset ?? 0, msix.offset + 1);
  config.writeUInt16LE(msix.vectors - 1, msix.offset + 2);
  config.writeUInt32LE(pendingBits, msix.offset + 8);
  if (!vendorSpecific) return;
  const { offset, contents } = vendorSpecific;
  config.writeUInt8(capabilityIds.vendorSpecific, offset);
  config.writeUInt8(3 + contents.length, offset + 2);
  config.set(contents, offset + 3);
}
