import type { Reading, StreamBytes } from '../bytes.js';
import { StreamError } from '../errors.js';
import type { BodyContent, BodyReader } from '../section.js';
import { Contents } from './contents.js';

/** What stands first in the bodies of a guest without a hash table (radix translation). */
const noTable = 0xffffffff;
/** Bytes of an entry, and the tables that the PAPR allows, as powers of two in bytes. */
const entryBytes = 16;
const shifts = { least: 18, most: 46 };

/**
 * Reads the hash page table of a pseries guest (`spapr/htab`). The first body tells its size; each later one has runs of entries, of
 * which the valid ones stand in the stream. Source: QEMU 5.2–10.0 hw/ppc/spapr.c, and target/ppc/kvm.c for KVM.
 */
export class HashTableReader implements BodyReader {
  private entries = Infinity;

  *read(bytes: StreamBytes): Reading<BodyContent> {
    const contents = new Contents();
    const at = bytes.offset;
    const first = yield* bytes.u32('the size of the hash page table');
    if (first === noTable) return contents.as('hash-table');
    if (first === 0) {
      yield* this.readRuns(bytes, contents);
      return contents.as('hash-table');
    }
    if (first < shifts.least || first > shifts.most)
      throw new StreamError(
        at,
        `the size of the hash page table was expected, as a power of two from ${shifts.least} to ${shifts.most}, and here is ${first}`,
      );
    this.entries = 2 ** first / entryBytes;
    contents.add('tableBytes', 2 ** first);
    return contents.as('hash-table');
  }

  private *readRuns(bytes: StreamBytes, contents: Contents): Reading<void> {
    for (;;) {
      const at = bytes.offset;
      const index = yield* bytes.u32('a run of hash page table entries');
      const valid = yield* bytes.u16('the number of valid entries');
      const invalid = yield* bytes.u16('the number of invalid entries');
      if (index === 0 && valid === 0 && invalid === 0) return;
      if (index + valid + invalid > this.entries)
        throw new StreamError(
          at,
          `entries of a hash page table of ${this.entries} were expected, and here are ${valid + invalid} from ${index} on`,
        );
      if (valid > 0) contents.add('validEntries', valid);
      if (invalid > 0) contents.add('invalidEntries', invalid);
      yield* bytes.skip(valid * entryBytes, 'entries of the hash page table');
    }
  }
}
