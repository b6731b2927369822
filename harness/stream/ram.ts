import type { Reading, StreamBytes } from './bytes.js';
import { StreamError } from './errors.js';
import type { BodyContent, BodyReader, SectionHeader } from './section.js';

/** Flags in the low bits of a RAM page's address. Source: QEMU 5.2–10.0 migration/ram.c, migration/ram.h. */
const flag = {
  zero: 0x02,
  memSize: 0x04,
  page: 0x08,
  endOfSection: 0x10,
  continue: 0x20,
  xbzrle: 0x40,
  hook: 0x80,
  compressed: 0x100,
  multifdFlush: 0x200,
};
const withBlock = flag.zero | flag.page | flag.xbzrle | flag.compressed;

/** A RAM block as the stream announces it. */
export interface RamBlock {
  name: string;
  bytes: number;
  /** Bytes of a page on the source's host, where it is not the usual (postcopy with huge pages). */
  pageBytes?: number;
  /** Guest physical address (x-ignore-shared). */
  address?: number;
  /** Where a mapped-ram file keeps the block's pages, in bytes from the start of the stream. */
  mapped?: { bitmapOffset: number; pagesOffset: number; pagesPresent: number };
}

/** Called for each page: with its contents, only to look at; 'encoded' where they stand in the stream as what changed, or compressed. */
export type PageObserver = (block: string, address: number, content: Buffer | 'zero' | 'encoded') => void;

/** What the configuration section and the capabilities change in RAM sections. */
export interface RamOptions {
  pageBytes: number;
  ignoreShared: boolean;
  mappedRam: boolean;
  onPage?: PageObserver;
}

/**
 * Reads the sections of `ram`: page contents are passed over. Every encoding from 5.2 to 11.1: zero pages, raw pages, compressed pages,
 * xbzrle, the marks of multifd (whose pages go through other channels), and mapped-ram, whose pages stand at fixed places in the file.
 */
export class RamReader implements BodyReader {
  readonly blocks: RamBlock[] = [];
  private block = '';

  constructor(private readonly options: RamOptions) {}

  *read(bytes: StreamBytes, header: SectionHeader): Reading<BodyContent> {
    if (header.version !== 4)
      throw new StreamError(header.offset, `version 4 of ram was expected, and this is ${header.version}`);
    const counts: Counts = { zeroPages: 0, rawPages: 0, xbzrlePages: 0, compressedPages: 0, multifdFlushes: 0 };
    for (;;) {
      const at = bytes.offset;
      if (bytes.available < 8) yield* bytes.need(8, 'the header of a RAM page');
      const header = bytes.word();
      const flags = header.low & (this.options.pageBytes - 1);
      if (flags === (flag.page | flag.continue)) {
        counts.rawPages += 1;
        yield* this.page(bytes, header.high * 0x1_0000_0000 + (header.low - flags));
        continue;
      }
      const address = header.high * 0x1_0000_0000 + (header.low - flags);
      if (flags === flag.endOfSection) break;
      if ((flags & withBlock) !== 0 && (flags & flag.continue) === 0)
        this.block = yield* bytes.name('the name of a RAM block');
      yield* this.item(bytes, flags & ~flag.continue, { at, address, counts });
    }
    return { format: 'ram', counts: Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)) };
  }

  /** One entry that is not a page like the ones before it. */
  private *item(bytes: StreamBytes, flags: number, { at, address, counts }: Item): Reading<void> {
    switch (flags) {
      case flag.memSize:
        return yield* this.announced(bytes, at, address);
      case flag.zero:
        counts.zeroPages += 1;
        this.options.onPage?.(this.block, address, 'zero');
        return yield* bytes.skip(1, 'a zero page');
      case flag.page:
        counts.rawPages += 1;
        return yield* this.page(bytes, address);
      case flag.xbzrle:
        counts.xbzrlePages += 1;
        this.options.onPage?.(this.block, address, 'encoded');
        return yield* this.xbzrle(bytes);
      case flag.compressed:
        counts.compressedPages += 1;
        this.options.onPage?.(this.block, address, 'encoded');
        return yield* this.compressed(bytes);
      case flag.multifdFlush:
        counts.multifdFlushes += 1;
        return;
      case flag.hook:
        return;
      default:
        throw new StreamError(at, `a RAM page was expected, and no page has the flags 0x${flags.toString(16)}`);
    }
  }

  private *page(bytes: StreamBytes, address: number): Reading<void> {
    const { pageBytes, onPage } = this.options;
    if (onPage) {
      yield* bytes.need(pageBytes, 'a page of RAM');
      onPage(this.block, address, bytes.peek().subarray(0, pageBytes));
    }
    if (!bytes.hop(pageBytes)) yield* bytes.skip(pageBytes, 'a page of RAM');
  }

  private *xbzrle(bytes: StreamBytes): Reading<void> {
    const at = bytes.offset;
    const encoding = yield* bytes.u8('the encoding of an xbzrle page');
    const length = yield* bytes.u16('the length of an xbzrle page');
    if (encoding !== 1 || length > this.options.pageBytes)
      throw new StreamError(at, `an xbzrle page was expected, and this says encoding ${encoding}, ${length} bytes`);
    yield* bytes.skip(length, 'an xbzrle page');
  }

  private *compressed(bytes: StreamBytes): Reading<void> {
    const at = bytes.offset;
    const length = yield* bytes.u32('the length of a compressed page');
    if (length > 2 * this.options.pageBytes)
      throw new StreamError(at, `a compressed page was expected, and this says ${length} bytes`);
    yield* bytes.skip(length, 'a compressed page');
  }

  /** The list of RAM blocks; their sizes add up to `total`. */
  private *announced(bytes: StreamBytes, at: number, total: number): Reading<void> {
    let left = total;
    while (left > 0) {
      const name = yield* bytes.name('the name of a RAM block');
      const size = yield* bytes.count(`the size of the RAM block ${name}`);
      if (name === '' || size === 0 || size > left)
        throw new StreamError(
          at,
          `RAM blocks of ${total} bytes together were expected, and '${name}' with ${size} does not fit among them`,
        );
      left -= size;
      this.blocks.push(yield* this.announce(bytes, { name, bytes: size }));
    }
  }

  private *announce(bytes: StreamBytes, block: RamBlock): Reading<RamBlock> {
    const { ignoreShared, mappedRam } = this.options;
    const pageBytes = mappedRam ? undefined : yield* this.ownPageSize(bytes);
    const address = ignoreShared ? yield* bytes.count(`the address of the RAM block ${block.name}`) : undefined;
    const mapped = mappedRam ? yield* this.mapped(bytes, block) : undefined;
    return {
      ...block,
      ...(pageBytes !== undefined && { pageBytes }),
      ...(address !== undefined && { address }),
      ...(mapped && { mapped }),
    };
  }

  /**
   * The page size that stands there only for a block of huge pages in a postcopy migration; nothing else says that it does. What
   * follows otherwise is another name, whose length is never 0, an address, or the mark of the end.
   */
  private *ownPageSize(bytes: StreamBytes): Reading<number | undefined> {
    yield* bytes.need(8, 'what follows the size of a RAM block');
    const next = bytes.peek();
    if (next[0] !== 0) return undefined;
    const value = Number(next.readBigUInt64BE());
    const isSize = value > this.options.pageBytes && Number.isInteger(Math.log2(value)) && value <= 2 ** 34;
    if (!isSize) return undefined;
    if (this.options.ignoreShared && !(yield* this.precedesAddress(bytes))) return undefined;
    return yield* bytes.count('the page size of a RAM block');
  }

  /**
   * Whether the 8 bytes after the next 8 are an address: those of another block's name begin with its length, those of the mark of the end
   * are no multiple of a page.
   */
  private *precedesAddress(bytes: StreamBytes): Reading<boolean> {
    yield* bytes.need(16, 'what follows the size of a RAM block');
    const next = bytes.peek();
    return next[8] === 0 && next.readUInt32BE(12) % this.options.pageBytes === 0;
  }

  private *mapped(bytes: StreamBytes, block: RamBlock): Reading<NonNullable<RamBlock['mapped']>> {
    const at = bytes.offset;
    const version = yield* bytes.u32('the version of the mapped-ram header');
    const pageBytes = yield* bytes.count('the page size of the mapped-ram header');
    const bitmapOffset = yield* bytes.count('the offset of the page bitmap');
    const pagesOffset = yield* bytes.count('the offset of the pages');
    if (version !== 1 || pageBytes < 512 || bitmapOffset < bytes.offset || pagesOffset < bitmapOffset)
      throw new StreamError(at, `a mapped-ram header of ${block.name} was expected`);
    yield* bytes.skip(bitmapOffset - bytes.offset, 'the space before a page bitmap');
    let left = Math.ceil(block.bytes / pageBytes / 64) * 8;
    let pagesPresent = 0;
    for (let count = Math.min(left, 65536); left > 0; left -= count, count = Math.min(left, 65536)) {
      for (const byte of yield* bytes.take(count, 'a page bitmap')) pagesPresent += bitsIn[byte] ?? 0;
    }
    if (pagesOffset < bytes.offset)
      throw new StreamError(at, `the pages of ${block.name} were expected after their bitmap`);
    yield* bytes.skip(pagesOffset + block.bytes - bytes.offset, `the pages of ${block.name}`);
    return { bitmapOffset, pagesOffset, pagesPresent };
  }
}

type Counts = Record<'zeroPages' | 'rawPages' | 'xbzrlePages' | 'compressedPages' | 'multifdFlushes', number>;

interface Item {
  at: number;
  address: number;
  counts: Counts;
}

const bitsIn = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);
