import { hex } from '../../core/hex.js';
import type { Reading, StreamBytes } from '../bytes.js';
import { StreamError } from '../errors.js';
import type { BodyContent, BodyReader } from '../section.js';
import { Contents } from './contents.js';

/** What a chunk holds. Source: QEMU 5.2–10.0 migration/block-dirty-bitmap.c. */
const flag = { end: 0x01, zeroes: 0x02, bitmapName: 0x04, nodeName: 0x08, start: 0x10, complete: 0x20, bits: 0x40 };
const kinds = flag.start | flag.complete | flag.bits;
/** A source sends 1 KiB of bits at a time; a destination takes ten times that. In bytes. */
const mostBits = 10 * 1024;
/** Of the flags of a bitmap, the first two are in use: enabled and persistent; bit 2 was once one that loads by itself. */
const reservedBitmapFlags = 0xf8;

/** Reads dirty bitmaps of disks (`dirty-bitmaps` capability). The marks are "node/bitmap", where each begins. */
export class DirtyBitmapReader implements BodyReader {
  private node = '';
  private bitmap = '';

  *read(bytes: StreamBytes): Reading<BodyContent> {
    const contents = new Contents();
    for (;;) {
      const at = bytes.offset;
      const flags = yield* bytes.u8('a chunk of a dirty bitmap');
      if (flags === flag.end) return contents.as('dirty-bitmap');
      if ((flags & flag.nodeName) !== 0) this.node = yield* bytes.name('the name of a node with dirty bitmaps');
      if ((flags & flag.bitmapName) !== 0) this.bitmap = yield* bytes.name('the name of a dirty bitmap');
      switch (flags & ~(flag.nodeName | flag.bitmapName)) {
        case flag.start:
          contents.add('bitmaps');
          contents.mark(`${this.node}/${this.bitmap}`, at);
          yield* readStart(bytes);
          break;
        case flag.complete:
          contents.add('completed');
          break;
        case flag.bits | flag.zeroes:
          contents.add('zeroChunks');
          yield* bytes.skip(12, 'the place of a chunk of a dirty bitmap');
          break;
        case flag.bits:
          contents.add('chunks');
          contents.add('bitBytes', yield* readBits(bytes));
          break;
        default:
          throw new StreamError(
            at,
            `a chunk of a dirty bitmap was expected (one of ${hex(kinds)}), and none has the flags ${hex(flags)}`,
          );
      }
    }
  }
}

/** The granularity (bytes that a bit stands for) and the flags of a bitmap. */
function* readStart(bytes: StreamBytes): Reading<void> {
  const at = bytes.offset;
  const granularity = yield* bytes.u32('the granularity of a dirty bitmap');
  const flags = yield* bytes.u8('the flags of a dirty bitmap');
  if (granularity < 512 || !Number.isInteger(Math.log2(granularity)))
    throw new StreamError(
      at,
      `the granularity of a dirty bitmap was expected, a power of two from 512, and here is ${granularity}`,
    );
  if ((flags & reservedBitmapFlags) !== 0)
    throw new StreamError(at + 4, `the flags of a dirty bitmap were expected, and ${hex(flags)} are none`);
}

/** Where the bits belong (sectors of 512 bytes), how many bytes they take, and the bits; returns the bytes. */
function* readBits(bytes: StreamBytes): Reading<number> {
  yield* bytes.skip(12, 'the place of a chunk of a dirty bitmap');
  const at = bytes.offset;
  const size = yield* bytes.count('the length of a chunk of a dirty bitmap');
  if (size > mostBits)
    throw new StreamError(
      at,
      `the length of a chunk of a dirty bitmap was expected, at most ${mostBits}, and here is ${size}`,
    );
  yield* bytes.skip(size, 'a chunk of a dirty bitmap');
  return size;
}
