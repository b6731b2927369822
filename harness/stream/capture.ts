import type { Reading, StreamBytes } from './bytes.js';
import type { StreamCommand } from './command.js';
import type { Configuration } from './configuration.js';
import type { StreamDescription } from './state/description.js';
import { StreamError } from './errors.js';
import { type Field, layOut } from './state/fields.js';
import { PageDigests } from './page-digests.js';
import type { RamBlock } from './ram.js';
import { type Section, type StreamItem, StreamReader } from './reader.js';
import { layOutMsix } from './state/msix.js';
import { layOutVirtio } from './state/virtio.js';

/** Sections of one id that follow each other while the guest runs count as one; their sizes and contents are added. */
export interface CapturedSection {
  kind: 'section';
  section: Section;
  times: number;
}

export type CapturedItem =
  | CapturedSection
  | { kind: 'command'; command: StreamCommand }
  | { kind: 'configuration'; offset: number; end: number; configuration: Configuration };

/** The state of one device as the stream has it. */
export interface DeviceState {
  section: Section;
  /** The section's body; empty when it is too large to be kept. */
  body: Buffer;
  /** Undefined where the stream does not describe the section. */
  fields?: Field[];
  /** Why a description does not fit the section. */
  misfit?: StreamError;
}

/** A stream that was read from its start to its end. */
export interface Capture {
  bytes: number;
  trailingBytes: number;
  configuration: Configuration;
  blocks: RamBlock[];
  items: CapturedItem[];
  description?: StreamDescription;
  /** What pages of RAM came to; only on request. */
  pages?: PageDigests;
}

/** Reads a whole stream and keeps what is in it, except for the contents of RAM: of these digests, with `pages`, which takes longer. */
export function* readCapture(bytes: StreamBytes, options: { pages?: boolean } = {}): Reading<Capture> {
  const items: CapturedItem[] = [];
  const pages = options.pages === true ? new PageDigests() : undefined;
  let description: StreamDescription | undefined;
  const onItem = (item: StreamItem): void => {
    if (item.kind === 'description') description = item.description;
    else if (item.kind === 'section') addSection(items, item.section);
    else if (item.kind !== 'end') items.push(item);
  };
  const totals = yield* new StreamReader(bytes, { onItem, ...(pages && { onPage: pages.observe }) }).read();
  return { ...totals, items, ...(description && { description }), ...(pages && { pages }) };
}

/** Every section of a capture, in the order in which a destination loads them. */
export function sectionsOf(capture: Capture): CapturedSection[] {
  return capture.items.filter((item) => item.kind === 'section');
}

/** The state of every device that is sent once, in the order of the stream, with its fields where they are described. */
export function devicesOf(capture: Capture): DeviceState[] {
  const descriptions = new Map(
    capture.description?.devices.map((device) => [keyOf(device.name, device.instance_id), device]),
  );
  return sectionsOf(capture).flatMap(({ section }) => {
    if (section.type !== 'full') return [];
    const body = section.data ?? Buffer.alloc(0);
    const description = descriptions.get(keyOf(section.name, section.instance));
    if (!description || !section.data) return [{ section, body }];
    try {
      return [{ section, body, fields: unfold(body, layOut(body, description, section.bodyOffset)) }];
    } catch (thrown) {
      if (!(thrown instanceof StreamError)) throw thrown;
      return [{ section, body, misfit: thrown }];
    }
  });
}

/** Devices are known by name and instance; an instance is a 32-bit number that the description may give with a sign. */
function keyOf(name: string, instance: number): string {
  return `${name} ${instance >>> 0}`;
}

/** Gives parts to what QEMU describes as one buffer though its layout is known. */
export function unfold(body: Buffer, fields: readonly Field[]): Field[] {
  return fields.map((field) => {
    const parts = field.parts ?? partsOf(body, field);
    return parts ? { ...field, parts: unfold(body, parts) } : field;
  });
}

function partsOf(body: Buffer, field: Field): Field[] | undefined {
  if (field.type === 'virtio') return layOutVirtio(body, field);
  return field.type === 'msix state' && field.size > 0 ? layOutMsix(field) : undefined;
}

function addSection(items: CapturedItem[], section: Section): void {
  const earlier = section.type === 'part' ? samePart(items, section) : undefined;
  if (!earlier) {
    items.push({ kind: 'section', section, times: 1 });
    return;
  }
  earlier.times += 1;
  earlier.section.bodyBytes += section.bodyBytes;
  const { content } = earlier.section;
  if (!content || !section.content) return;
  for (const [name, count] of Object.entries(section.content.counts))
    content.counts[name] = (content.counts[name] ?? 0) + count;
  const known = new Set(content.marks?.map(({ name }) => name));
  const added = section.content.marks?.filter(({ name }) => !known.has(name)) ?? [];
  if (added.length > 0) content.marks = [...(content.marks ?? []), ...added];
}

/** The part of the same id in the round of parts that is going on: rounds of several devices take turns. */
function samePart(items: readonly CapturedItem[], { id }: Section): CapturedSection | undefined {
  for (let index = items.length - 1; index >= 0; index -= 1) {
    const item = items[index];
    if (item?.kind !== 'section' || item.section.type !== 'part') return undefined;
    if (item.section.id === id) return item;
  }
  return undefined;
}
