import type { MultifdChannel } from '../multifd.js';
import { countsInWords, inBytes } from './text.js';

/** A multifd channel for people, line by line. */
export function* showMultifd({ id, uuid, bytes, counts, compression, devices }: MultifdChannel): Generator<string> {
  yield `multifd channel ${id} of machine ${uuid}, ${inBytes(bytes)}`;
  yield `${countsInWords(counts)}; compression: ${compression}`;
  if (devices.length > 0) yield `device state of ${devices.join(', ')}`;
}
