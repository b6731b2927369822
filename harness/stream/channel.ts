import type { Reading, StreamBytes } from './bytes.js';
import { type Capture, readCapture } from './capture.js';
import { type MultifdChannel, multifdMagic, readMultifd } from './multifd.js';

/** One connection of a migration: the main channel, which has everything but pages, or one of multifd's. */
export type Channel = { kind: 'main'; capture: Capture } | { kind: 'multifd'; channel: MultifdChannel };

/** Reads a channel of either kind, which its first bytes tell. */
export function* readChannel(bytes: StreamBytes, options: { pages?: boolean } = {}): Reading<Channel> {
  if (!(yield* bytes.isOver())) yield* bytes.need(4, "the mark of a migration stream, 'QEVM',");
  const isMultifd = bytes.available >= 4 && bytes.peek().readUInt32BE() === multifdMagic;
  if (isMultifd) return { kind: 'multifd', channel: yield* readMultifd(bytes) };
  return { kind: 'main', capture: yield* readCapture(bytes, options) };
}
