import { capabilityIds } from '../../pci/capability-ids.js';
import { findCapability } from '../../pci/registers.js';
import type { Field } from './fields.js';

const standardSpace = 256;
const expressSpace = 4096;
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
    const bytes = findCapability(space.subarray(0, standardSpace), capabilityIds.express)
      ? expressSpace
      : standardSpace;
    this.add('version_id', 'int32', 4);
    this.add('config', 'pci config', bytes);
    this.add('irq_state', 'pci irq state', 16);
    return space.subarray(0, bytes);
  }

  private vectors(config: Buffer): boolean {
    const capability = findCapability(config, capabilityIds.msix);
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
      this.found.push(subsection(name, at, size));
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

const mostQueues = 1024;
const modernState = 'virtio_pci/modern_state';
type Row = [name: string, type: string, size: number];
const u16 = (name: string): Row => [name, 'uint16', 2];
const u32 = (name: string): Row => [name, 'uint32', 4];
const u64 = (name: string): Row => [name, 'uint64', 8];

const ring: Row[] = [u64('avail'), u64('used')];
const modernQueue: Row[] = [
  u16('num'),
  ['unused', 'unused_buffer', 1],
  ['enabled', 'bool', 1],
  ...['desc', 'avail', 'used'].flatMap((name) => [u32(`${name}[0]`), u32(`${name}[1]`)]),
];
const modernHead: Row[] = [u32('dfselect'), u32('gfselect'), u32('guest_features[0]'), u32('guest_features[1]')];

/** A subsection with the parts that are known of it; one buffer where its size is another. */
function subsection(name: string, offset: number, size: number): Field {
  const body = offset + headBytes(name);
  const parts = partsOf(name, body).flat();
  const isWhole = sizeOf(parts) === offset + size - body;
  return parts.length > 0 && isWhole
    ? { name, type: 'subsection', offset, size, parts }
    : { name, type: 'buffer', offset, size };
}

function partsOf(name: string, body: number): Field[] {
  if (name === 'virtio/64bit_features') return rows([u64('guest_features')], body);
  if (name === 'virtio/virtqueues') return queues(ring, body);
  if (name !== 'virtio/extra_state') return [];
  const inner = body + headBytes(modernState);
  const head = rows(modernHead, inner);
  const parts = [...head, ...queues(modernQueue, inner + sizeOf(head))];
  const size = headBytes(modernState) + sizeOf(parts);
  return [{ name: modernState, type: 'subsection', offset: body, size, parts }];
}

/** Type byte, length, name and version of a subsection. */
function headBytes(name: string): number {
  return 1 + 1 + name.length + 4;
}

function rows(table: readonly Row[], offset: number): Field[] {
  let at = offset;
  return table.map(([name, type, size]) => {
    at += size;
    return { name, type, offset: at - size, size };
  });
}

function queues(table: readonly Row[], offset: number): Field[] {
  const size = sizeOf(rows(table, 0));
  return Array.from({ length: mostQueues }, (_, index) => {
    const at = offset + index * size;
    return { name: `vq[${index}]`, type: 'struct', offset: at, size, parts: rows(table, at) };
  });
}

function sizeOf(fields: readonly Field[]): number {
  return fields.reduce((sum, { size }) => sum + size, 0);
}

/** Where a byte 5, a length and a name "virtio/…" of that length stand. */
function* subsectionStarts(body: Buffer, from: number): Generator<{ at: number; name: string }> {
  for (let found = body.indexOf('virtio/', from); found !== -1; found = body.indexOf('virtio/', found + 1)) {
    const at = found - 2;
    const name = body.toString('latin1', found, found + (body[found - 1] ?? 0));
    if (at >= from && body[at] === 0x05 && /^virtio\/[\w-]+$/.test(name)) yield { at, name };
  }
}
