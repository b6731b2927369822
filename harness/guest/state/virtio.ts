import { capabilities } from '../../pci/registers.js';
import type { QtestClient } from '../../qtest/client.js';
import { memoryBase } from '../../pci/base-address.js';
import type { Reading } from './part.js';
import { readRegisters } from './read-registers.js';
import type { ReadableRegister, RegisterMap } from './register-map.js';

const vendorSpecific = 0x09;
const commonConfiguration = 1;
const deviceConfiguration = 4;
/** Bytes of a device's own configuration that are read: the largest of those in the catalogue is smaller. */
const deviceBytes = 64;

const rows: [offset: number, width: 1 | 2 | 4, name: string][] = [
  [0x00, 4, 'device_feature_select'],
  [0x04, 4, 'device_feature'],
  [0x08, 4, 'driver_feature_select'],
  [0x0c, 4, 'driver_feature'],
  [0x10, 2, 'config_msix_vector'],
  [0x12, 2, 'num_queues'],
  [0x14, 1, 'device_status'],
  [0x15, 1, 'config_generation'],
  [0x16, 2, 'queue_select'],
  [0x18, 2, 'queue_size'],
  [0x1a, 2, 'queue_msix_vector'],
  [0x1c, 2, 'queue_enable'],
  [0x1e, 2, 'queue_notify_off'],
  [0x20, 4, 'queue_desc (low)'],
  [0x24, 4, 'queue_desc (high)'],
  [0x28, 4, 'queue_driver (low)'],
  [0x2c, 4, 'queue_driver (high)'],
  [0x30, 4, 'queue_device (low)'],
  [0x34, 4, 'queue_device (high)'],
];

const common: RegisterMap = {
  name: 'virtio common configuration',
  registers: rows.map(([offset, width, name]): ReadableRegister => ({ offset, width, name })),
  span: 0,
};

/**
 * The common configuration of a virtio device, with the queue that the driver selected last, and the device's own.
 * Left out: ISR, which reading clears, and the queues that are not selected, for selecting is a write.
 * Source: virtio 1.2, 4.1.4; QEMU hw/virtio/virtio-pci.c (virtio_pci_common_read).
 */
export async function readVirtio(qtest: QtestClient, config: Uint8Array): Promise<Reading[]> {
  const found = capabilities(config).filter(({ id, extended }) => id === vendorSpecific && !extended);
  const parts = found.map(({ offset }) => readStructure(qtest, config, offset));
  return (await Promise.all(parts)).flat();
}

async function readStructure(qtest: QtestClient, config: Uint8Array, capability: number): Promise<Reading[]> {
  const view = new DataView(config.buffer, config.byteOffset + capability);
  const base = memoryBase(config, view.getUint8(4));
  if (base === undefined) return [];
  const at = base + view.getUint32(8, true);
  const type = view.getUint8(3);
  if (type === commonConfiguration) return readRegisters(qtest, common, { space: 'memory', base: at });
  if (type !== deviceConfiguration) return [];
  const bytes = Math.min(deviceBytes, view.getUint32(12, true));
  const block = await qtest.readBlock(at, bytes);
  return Array.from(withoutEnd(block), (value, offset) => ({
    name: `device configuration byte ${offset}`,
    offset,
    value,
  }));
}

/** What lies behind the end of a device's configuration reads as all ones (QEMU hw/virtio/virtio.c, virtio_config_readl), and is none. */
function withoutEnd(block: Buffer): Buffer {
  let end = block.length & ~0x3;
  while (end >= 4 && block.readUInt32LE(end - 4) === 0xffffffff) end -= 4;
  return block.subarray(0, end);
}
