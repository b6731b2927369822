import type { PageObserver } from './ram.js';

const scratch = new Uint32Array(1024);
const scratchBytes = new Uint8Array(scratch.buffer);

/** A page that stands in the stream in another form than its contents: what it comes to cannot be told from one stream. */
const encoded = -1;

/** What every page of RAM came to when the stream ended, by a digest of 53 bits; 0 is a page of zeroes. */
export class PageDigests {
  private readonly blocks = new Map<string, Map<number, number>>();

  readonly observe: PageObserver = (block, address, content) => {
    let pages = this.blocks.get(block);
    if (!pages) this.blocks.set(block, (pages = new Map<number, number>()));
    pages.set(address, content === 'zero' ? 0 : content === 'encoded' ? encoded : digestOf(content));
  };

  /** Addresses of pages that are not the same in both, by block, in their order; and how many could not be compared. */
  compare(other: PageDigests): { differing: Map<string, number[]>; unknown: number } {
    const differing = new Map<string, number[]>();
    let unknown = 0;
    for (const block of new Set([...this.blocks.keys(), ...other.blocks.keys()])) {
      const [one, two] = [this.blocks.get(block), other.blocks.get(block)];
      const addresses = new Set([...(one?.keys() ?? []), ...(two?.keys() ?? [])]);
      const found = [...addresses].filter((address) => {
        // A page that was never sent is one of zeroes.
        const [before, after] = [one?.get(address) ?? 0, two?.get(address) ?? 0];
        if (before !== encoded && after !== encoded) return before !== after;
        unknown += 1;
        return false;
      });
      if (found.length > 0)
        differing.set(
          block,
          found.sort((a, b) => a - b),
        );
    }
    return { differing, unknown };
  }
}

/** Two mixes of 32 and 21 bits, in one number. */
function digestOf(content: Buffer): number {
  const length = Math.min(content.length, scratchBytes.length);
  let [high, low] = [0x9e3779b9, 0x85ebca6b];
  for (let start = 0; start < content.length; start += length) {
    scratchBytes.set(content.subarray(start, start + length));
    for (let index = 0; index < length >> 2; index += 1) {
      const word = scratch[index] ?? 0;
      low = Math.imul(low ^ word, 0xcc9e2d51);
      high = Math.imul((high << 5) | (high >>> 27), 0x1b873593) ^ word ^ low;
    }
  }
  // A page that is sent whole may be one of zeroes all the same.
  if (length > 0 && content.every((byte) => byte === 0)) return 0;
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0);
}
