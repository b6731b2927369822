import { hex } from '../../core/hex.js';

/** A hot-plug event: what the platform asks of the guest about one PCI connector. */
export interface HotplugRequest {
  action: 'add' | 'remove';
  /** Of the DR connector. */
  index: number;
}

/** Bytes that a log may have. Source: Linux, RTAS_ERROR_LOG_MAX; QEMU writes all of a log, whatever length it is given (check_exception()). */
export const longestLog = 2048;

/** The type of an event is in the last byte of a log's first word: 0xe5 is a hot-plug event. */
const hotplugEvent = 0xe5;
/** Bytes of the fixed part of a log, whose second word is the length of the rest, and of what comes before the first section there. */
const fixedBytes = 8;
const headerBytes = 16;
/** Every section begins with its name and its length, two bytes each: this one is "HP". */
const hotplugSection = 0x4850;
/** Places in the hot-plug section. */
const at = { type: 8, action: 9, identifier: 10, index: 12 };
const sectionBytes = 16;
const pciType = 5;
const actions = { 1: 'add', 2: 'remove' } as const;
/** What comes after it names a connector by its index. */
const byIndex = 2;

/**
 * Reads the RTAS event log that check-exception has left; undefined for an event that asks nothing about one PCI connector, such as a power-down
 * request, and for what is no whole log. Source: Power Architecture Platform Reference 2.7, 10.3; QEMU hw/ppc/spapr_events.c, struct hp_extended_log.
 */
export function readHotplugRequest(log: Buffer): HotplugRequest | undefined {
  if (log.length < fixedBytes || typeOf(log) !== hotplugEvent) return undefined;
  const section = findSection(log.subarray(0, fixedBytes + log.readUInt32BE(4)), hotplugSection);
  if (!section || section.length < sectionBytes) return undefined;
  const action = actions[section.readUInt8(at.action) as keyof typeof actions] as HotplugRequest['action'] | undefined;
  const isOurs = section.readUInt8(at.type) === pciType && section.readUInt8(at.identifier) === byIndex;
  return action && isOurs ? { action, index: section.readUInt32BE(at.index) } : undefined;
}

/** What a log is about, for messages: "add 0x40000028", "an event of type 0x40". */
export function describeEvent(log: Buffer): string {
  const request = readHotplugRequest(log);
  return request ? describeRequest(request) : `an event of type ${hex(typeOf(log))}`;
}

/** A request for messages: "add 0x40000028". */
export function describeRequest({ action, index }: HotplugRequest): string {
  return `${action} ${hex(index)}`;
}

function typeOf(log: Buffer): number {
  return log.length < fixedBytes ? 0 : log.readUInt8(3);
}

function findSection(log: Buffer, name: number): Buffer | undefined {
  for (let from = fixedBytes + headerBytes; from + 4 <= log.length;) {
    const length = log.readUInt16BE(from + 2);
    if (log.readUInt16BE(from) === name) return log.subarray(from, from + length);
    // A section of no length would be looked at for ever.
    from += Math.max(length, 4);
  }
  return undefined;
}
