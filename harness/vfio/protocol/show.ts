import { commands } from './numbers.js';
import { headerBytes } from './message.js';
import { regionAccess } from './payloads.js';

/** The most bytes of one message that are shown. */
const shownBytes = 96;

/** Bytes of the numbers that stand before the data, for commands whose messages carry any. */
const numbersBefore: Readonly<Record<number, number>> = {
  [commands.VERSION]: 4,
  [commands.DEVICE_SET_IRQS]: 20,
  [commands.REGION_READ]: regionAccess.bytes,
  [commands.REGION_WRITE]: regionAccess.bytes,
  [commands.DEVICE_FEATURE]: 8,
  [commands.MIG_DATA_READ]: 8,
  [commands.MIG_DATA_WRITE]: 8,
};

/** A message in hexadecimal bytes: `header | payload | data`; what is cut off at the end is counted. */
export function showMessage(bytes: Buffer): string {
  const shown = bytes.subarray(0, shownBytes);
  const payload = shown.subarray(headerBytes);
  const split = (bytes.length >= 4 ? numbersBefore[bytes.readUInt16LE(2)] : undefined) ?? payload.length;
  const parts = [shown.subarray(0, headerBytes), payload.subarray(0, split), payload.subarray(split)];
  const words = parts
    .filter((part) => part.length > 0)
    .map((part) => (part.toString('hex').match(/../g) ?? []).join(' '));
  const rest = bytes.length - shown.length;
  return `${words.join(' | ')}${rest > 0 ? ` … ${rest} bytes more` : ''}`;
}
