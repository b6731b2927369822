import { hex } from '../../core/hex.js';
import type { Reading, StreamBytes } from '../bytes.js';
import { StreamError } from '../errors.js';
import type { BodyContent, BodyReader } from '../section.js';
import { Contents } from './contents.js';

/** Flags in the low bits of a page's address. Source: QEMU 5.2–10.0 hw/s390x/s390-stattrib.c. */
const flag = { endOfSection: 0x01, more: 0x02, error: 0x04, done: 0x08 };
const pageMask = 0xfffn;
/** The source sends 512 KiB of attributes at a time, one byte for each page. */
const mostAttributes = 512 * 1024;

/** Reads the storage attributes (CMMA) of an s390x guest's pages. The mark `done` stands after the last of them. */
export class StorageAttributesReader implements BodyReader {
  *read(bytes: StreamBytes): Reading<BodyContent> {
    const contents = new Contents();
    for (;;) {
      const at = bytes.offset;
      const flags = Number((yield* bytes.u64('storage attributes')) & pageMask);
      switch (flags) {
        case flag.endOfSection:
          return contents.as('storage-attributes');
        case flag.done:
          contents.mark('done', at);
          break;
        case flag.error:
          throw new StreamError(at, 'storage attributes were expected, and the source says that it could not send all');
        case flag.more:
          contents.add('attributes', yield* readAttributes(bytes));
          break;
        default:
          throw new StreamError(at, `storage attributes were expected, and none have the flags ${hex(flags)}`);
      }
    }
  }
}

function* readAttributes(bytes: StreamBytes): Reading<number> {
  const at = bytes.offset;
  const count = yield* bytes.count('the number of storage attributes');
  if (count > mostAttributes)
    throw new StreamError(
      at,
      `at most ${mostAttributes} storage attributes were expected at once, and here are ${count}`,
    );
  yield* bytes.skip(count, 'storage attributes');
  return count;
}
