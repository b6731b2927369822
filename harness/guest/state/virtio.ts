import { capabilities } from '../../pci/registers.js';
import type { QtestClient } from '../../qtest/client.js';
import { memoryBase } from '../../pci/base-address.js';
import { type Answer, joinAnswers } from './part.js';
import { readRegisters } from './read-registers.js';
import { type ReadableRegister, type RegisterMap, runsOf } from './register-map.js';

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
  space: 'memory',
  runs: runsOf(
    rows.map(([offset, width, name]): ReadableRegister => ({ offset, width, name })),
    0,
  ),
};

/** One structure of virtio's registers: what it is, and where. */
interface Structure {
  type: number;
  bar: number;
  offset: number;
  bytes: number;
}

/**
 * The common configuration of a virtio device, with the queue that the driver selected last, and the device's own.
 * Left out: ISR, which reading clears, the queues that are not selected, for selecting is a write, and config_generation, which a QEMU counts for
 * itself and no stream carries (seen to differ once a network card has announced itself).
 * @param cpuOffset as for `memoryBase`.
 * Source: virtio 1.2, 4.1.4; QEMU hw/virtio/virtio-pci.c (virtio_pci_common_read).
 */
export async function readVirtio(qtest: QtestClient, config: Uint8Array, cpuOffset = 0): Promise<Answer> {
  const parts = structuresOf(config).map((structure) =>
    readStructure(qtest, memoryBase(config, structure.bar, cpuOffset), structure),
  );
  return joinAnswers((await Promise.all(parts)).flat());
}

/** The BARs in which `readVirtio` reads. */
export function virtioBars(config: Uint8Array): number[] {
  return structuresOf(config).map(({ bar }) => bar);
}

function structuresOf(config: Uint8Array): Structure[] {
  return capabilities(config)
    .filter(({ id, extended }) => id === vendorSpecific && !extended)
    .map(({ offset }) => {
      const view = new DataView(config.buffer, config.byteOffset + offset);
      return {
        type: view.getUint8(3),
        bar: view.getUint8(4),
        offset: view.getUint32(8, true),
        bytes: view.getUint32(12, true),
      };
    })
    .filter(({ type }) => type === commonConfiguration || type === deviceConfiguration);
}

async function readStructure(
  qtest: QtestClient,
  base: number | undefined,
  { type, offset, bytes }: Structure,
): Promise<Answer[]> {
  if (base === undefined) return [];
  if (type === commonConfiguration) return [await readRegisters(qtest, common, base + offset)];
  if (bytes === 0) return [];
  const told = await qtest.command(
    `b64read 0x${(base + offset).toString(16)} 0x${Math.min(deviceBytes, bytes).toString(16)}`,
  );
  const read: Answer['read'] = () =>
    Array.from(withoutEnd(Buffer.from(told, 'base64')), (value, offset) => ({
      name: `device configuration byte ${offset}`,
      offset,
      value,
    }));
  return [{ told, read }];
}

/** What lies behind the end of a device's configuration reads as all ones (QEMU hw/virtio/virtio.c, virtio_config_readl), and is none. */
function withoutEnd(block: Buffer): Buffer {
  let end = block.length & ~0x3;
  while (end >= 4 && block.readUInt32LE(end - 4) === 0xffffffff) end -= 4;
  return block.subarray(0, end);
}
