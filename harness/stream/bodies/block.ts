import { hex } from '../../core/hex.js';
import type { Reading, StreamBytes } from '../bytes.js';
import { StreamError } from '../errors.js';
import type { BodyContent, BodyReader } from '../section.js';
import { Contents } from './contents.js';

/** Flags in the low bits of a sector's address. Source: QEMU 5.2 and 7.2 migration/block.c. */
const flag = { deviceBlock: 0x01, endOfSection: 0x02, progress: 0x04, zeroBlock: 0x08 };
const sectorBytes = 512;
const blockBytes = 1 << 20;

/** Reads disk contents that travel with the guest (`block` capability, up to QEMU 9.0): blocks of 1 MiB, or marks of empty ones. */
export class BlockReader implements BodyReader {
  *read(bytes: StreamBytes): Reading<BodyContent> {
    const contents = new Contents();
    for (;;) {
      const at = bytes.offset;
      const flags = Number((yield* bytes.u64('a disk block')) & BigInt(sectorBytes - 1));
      if (flags === flag.endOfSection) return contents.as('block');
      if (flags === flag.progress) continue;
      if ((flags & ~flag.zeroBlock) !== flag.deviceBlock)
        throw new StreamError(at, `a disk block was expected, and none has the flags ${hex(flags)}`);
      contents.mark(yield* bytes.name('the name of a disk'), at);
      if ((flags & flag.zeroBlock) !== 0) {
        contents.add('zeroBlocks');
        continue;
      }
      contents.add('blocks');
      yield* bytes.skip(blockBytes, 'a disk block');
    }
  }
}
