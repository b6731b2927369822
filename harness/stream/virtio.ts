import { findCapability } from '../pci/registers.js';
import type { Field } from './fields.js';

const standardSpace = 256;
const expressSpace = 4096;
const expressCapability = 0x10;
const messageSignalledX = 0x11;
const messageControlOffset = 2;

/**
 * Lays out the state of a virtio device behind PCI, which QEMU writes without describing it: `field` is the one opaque field of the
 * description. What belongs to the kind of device stays one buffer. Undefined when the body is not what a virtio-pci device writes.
 * Source: QEMU 5.2–10.0 hw/virtio/virtio.c, virtio_save; hw/virtio/virtio-pci.c, virtio_pci_save_config; hw/pci/msix.c, msix_save.
 */
export function layOutVirtio(body: Buffer, field: Field): Field[] | undefined {
  try {
    return new VirtioLayout(body, field).fields();
  } catch (thrown) {
    // A read beyond the body: this is something else.
    if (thrown instanceof RangeError) return undefined;
    throw thrown;
  }
}

class VirtioLayout {
  private readonly found: Field[] = [];
  private readonly end: number;
  private at: number;

  constructor(
    private readonly body: Buffer,
    field: Field,
  ) {
    this.at = field.offset;
    this.end = field.offset + field.size;
  }

  fields(): Field[] | undefined {
    const config = this.config();
    if (!config) return undefined;
    const hasVectors = this.vectors(config);
    this.add('status', 'uint8', 1);
    this.add('isr', 'uint8', 1);
    this.add('queue_sel', 'uint16', 2);
    this.add('guest_features', 'uint32', 4);
    const configBytes = this.number('config_len');
    this.add('config', 'buffer', configBytes);
    const queues = this.number('queues');
    if (queues > 1024) return undefined;
    for (let queue = 0; queue < queues; queue += 1) this.queue(queue, hasVectors);
    this.rest();
    return this.found;
  }

  /** The PCI part that every virtio-pci device begins with. */
  private config(): Buffer | undefined {
    const start = this.at + 4;
    const space = this.body.subarray(start, Math.min(start + expressSpace, this.end));
    if (this.body.readUInt32BE(this.at) > 2 || space.length < standardSpace) return undefined;
    const bytes = findCapability(space.subarray(0, standardSpace), expressCapability) ? expressSpace : standardSpace;
    this.add('version_id', 'int32', 4);
    this.add('config', 'pci config', bytes);
    this.add('irq_state', 'pci irq state', 16);
    return space.subarray(0, bytes);
  }

  private vectors(config: Buffer): boolean {
    const capability = findCapability(config, messageSignalledX);
    if (!capability) return false;
    const entries = (config.readUInt16LE(capability.offset + messageControlOffset) & 0x7ff) + 1;
    this.add('msix', 'msix state', entries * 16 + Math.ceil(entries / 8));
    this.add('config_vector', 'uint16', 2);
    return true;
  }

  private queue(index: number, hasVectors: boolean): void {
    const offset = this.at;
    const before = this.found.length;
    this.add('num', 'uint32', 4);
    this.add('desc', 'uint64', 8);
    this.add('last_avail_idx', 'uint16', 2);
    if (hasVectors) this.add('vector', 'uint16', 2);
    const parts = this.found.splice(before);
    this.found.push({ name: `vq[${index}]`, type: 'struct', offset, size: this.at - offset, parts });
  }

  /** The device's own state, then subsections, which can be told by their names. */
  private rest(): void {
    const starts = [...subsectionStarts(this.body.subarray(0, this.end), this.at)];
    this.add('device', 'buffer', (starts[0]?.at ?? this.end) - this.at);
    for (const [index, { at, name }] of starts.entries()) {
      const size = (starts[index + 1]?.at ?? this.end) - at;
      this.found.push({ name, type: 'buffer', offset: at, size });
      this.at = at + size;
    }
  }

  private number(name: string): number {
    const value = this.body.readUInt32BE(this.at);
    this.add(name, 'uint32', 4);
    return value;
  }

  private add(name: string, type: string, size: number): void {
    if (this.at + size > this.end) throw new RangeError(`${name} reaches beyond the section`);
    if (size > 0) this.found.push({ name, type, offset: this.at, size });
    this.at += size;
  }
}

/** Where a byte 5, a length and a name "virtio/…" of that length stand. */
function* subsectionStarts(body: Buffer, from: number): Generator<{ at: number; name: string }> {
  for (let found = body.indexOf('virtio/', from); found !== -1; found = body.indexOf('virtio/', found + 1)) {
    const at = found - 2;
    const name = body.toString('latin1', found, found + (body[found - 1] ?? 0));
    if (at >= from && body[at] === 0x05 && /^virtio\/[\w-]+$/.test(name)) yield { at, name };
  }
}
