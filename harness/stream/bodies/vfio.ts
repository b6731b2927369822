import type { Reading, StreamBytes } from '../bytes.js';
import { StreamError } from '../errors.js';
import { footerBytes, footerType } from '../footer.js';
import type { BodyContent, BodyReader, SectionHeader } from '../section.js';
import { Contents } from './contents.js';

/**
 * The tags of a VFIO device's state. Source: QEMU 5.2 and 7.2 hw/vfio/migration.c, 10.0 include/hw/vfio/vfio-common.h; the last one came
 * with 10.1 (x-migration-load-config-after-iter).
 */
const tags: Readonly<Record<number, VfioTag>> = {
  1: 'end-of-state',
  2: 'config-state',
  3: 'setup-state',
  4: 'data-state',
  5: 'init-data-sent',
  6: 'config-load-ready',
};
const tagHigh = 0xffffffff;
const tagLow = 0xef100000;
export const tagBytes = 8;
const endOfState = Buffer.from('ffffffffef100001', 'hex');
/** Stands before a device's configuration. */
export const configStateTag = Buffer.from('ffffffffef100002', 'hex');
/** Configuration space and MSI-X tables come to some 40 KB at most; this many bytes are no configuration. */
const mostConfig = 1 << 20;

export type VfioTag =
  'end-of-state' | 'config-state' | 'setup-state' | 'data-state' | 'init-data-sent' | 'config-load-ready';

/**
 * Reads the state of a VFIO device, version 1 (to 7.2) and 2 (from 8.0) of the kernel's protocol. Its marks are the tags, each where
 * it stands first, and their order matters: the configuration has to come after the interrupt controller's.
 */
export class VfioReader implements BodyReader {
  *read(bytes: StreamBytes, header: SectionHeader): Reading<BodyContent> {
    const contents = new Contents();
    let last: VfioTag | undefined;
    do last = yield* this.readTagged(bytes, header, { contents, last });
    while (!isLast(last));
    return contents.as('vfio');
  }

  /** Reads one tag and what belongs to it. */
  private *readTagged(bytes: StreamBytes, header: SectionHeader, so: SoFar): Reading<VfioTag> {
    const { contents, last } = so;
    const at = bytes.offset;
    yield* bytes.need(tagBytes, 'a tag of VFIO state');
    const tag = tagAt(bytes.peek(), 0);
    const expected = last === 'setup-state' ? 'the end of the VFIO setup state' : 'a tag of VFIO state';
    if (tag === undefined || (last === 'setup-state' && tag !== 'end-of-state'))
      throw new StreamError(at, `${expected} was expected, and here is 0x${bytes.peek().toString('hex', 0, tagBytes)}`);
    bytes.hop(tagBytes);
    contents.mark(tag, at);
    if (tag === 'data-state') {
      const size = yield* bytes.count('the length of VFIO data');
      contents.add('dataChunks');
      contents.add('dataBytes', size);
      yield* bytes.skip(size, 'VFIO data');
    } else if (tag === 'config-state') {
      const size = yield* skipConfig(bytes, header);
      contents.add('configBytes', size);
    }
    return tag;
  }
}

interface SoFar {
  contents: Contents;
  last: VfioTag | undefined;
}

/** After these the body is over; `init-data-sent` and `config-load-ready` stand in the place of the end. */
function isLast(tag: VfioTag): boolean {
  return tag === 'end-of-state' || tag === 'init-data-sent' || tag === 'config-load-ready';
}

/**
 * Goes on behind the configuration, which has no length of its own; returns its bytes. Its `end-of-state` is the one with the footer behind
 * it, and is left to be read as the end of the body; or, up to 5.2, the one with another tag behind it, and the body goes on with that.
 */
function* skipConfig(bytes: StreamBytes, header: SectionHeader): Reading<number> {
  const start = bytes.offset;
  const what = `the end of the configuration of ${header.name}`;
  for (;;) {
    yield* bytes.need(tagBytes, what);
    const here = bytes.peek();
    const at = here.indexOf(endOfState);
    // An end that has only come in part stays to be looked at again.
    bytes.hop(at === -1 ? here.length - tagBytes + 1 : at);
    const size = bytes.offset - start;
    if (size > mostConfig) throw new StreamError(start + mostConfig, `${what} was expected before here`);
    if (at === -1) continue;
    yield* bytes.need(tagBytes + footerBytes, what);
    const next = bytes.peek();
    if (next[tagBytes] === footerType && next.readUInt32BE(tagBytes + 1) === header.id) return size;
    yield* bytes.need(2 * tagBytes, what);
    bytes.hop(1);
    const follows = tagAt(bytes.peek(), tagBytes - 1);
    if (follows !== 'data-state' && follows !== 'end-of-state') continue;
    bytes.hop(tagBytes - 1);
    return size;
  }
}

function tagAt(bytes: Buffer, at: number): VfioTag | undefined {
  return bytes.readUInt32BE(at) === tagHigh ? tags[bytes.readUInt32BE(at + 4) - tagLow] : undefined;
}
