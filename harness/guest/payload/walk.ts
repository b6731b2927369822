import { hex } from '../../core/hex.js';

/** Bytes of a page of the walk, on every architecture. */
export const pageBytes = 4096;
/** The most wrong pages that are described; others are counted. */
const described = 16;

/** What a payload guest walks, in whole pages. */
export interface WalkedRange {
  first: number;
  bytes: number;
}

/** A page that holds what the walk has not left there, or the walker's own quadword. */
export interface WrongPage {
  /** Address of the page. */
  address: number;
  /** Address of the first wrong byte. */
  wrongAt: number;
  /** "page 0x345000 is wrong at 0x345012, in a quadword that holds 0x0000034500410007; the walk has left 0x0000034500000007 (round 7) there" */
  summary: string;
}

/** Where the walker is. */
interface Walker {
  page: number;
  round: number;
}

/**
 * The law of the walk. In round 1, 2, 3 … a payload guest fills each page of its range, in ascending order, with one quadword, 512 times: the
 * page's number in the upper half, the round in the lower. Before round 1 pages hold zeroes. So at any moment, and on either side of a
 * migration, pages below the walker hold its round, those above the round before, and the walker's own page at most one after the other.
 * Where the walker is stands in memory too, outside of the range, as the quadword that it writes. So memory that is older than the guest is
 * against the law as well; only in the walker's own page a quadword more or less of the new round is not.
 */
export class WalkLaw {
  private walker: Walker | undefined;
  private next: number;
  private readonly wrong: WrongPage[] = [];
  private count = 0;

  /** @param wordAt address of the walker's quadword, below the range. */
  constructor(
    private readonly range: WalkedRange,
    private readonly wordAt: number,
  ) {
    this.next = range.first;
  }

  /** Looks at a piece of memory, of whole pages. Pieces come in ascending order; what is left out between them are zeroes. */
  take(address: number, piece: Buffer): void {
    const at = this.wordAt - address;
    if (at >= 0 && at < piece.length) this.walker = this.walkerOf(piece.readBigUInt64LE(at));
    const from = Math.max(address, this.range.first);
    const to = Math.min(address + piece.length, this.end);
    if (from >= to) return;
    this.skipTo(from);
    for (; this.next < to; this.next += pageBytes) this.judge(piece, this.next - address);
  }

  /** What is wrong, the first pages of it, and how many pages there are; to be asked once, after the last piece. */
  verdict(): { pages: readonly WrongPage[]; count: number } {
    this.skipTo(this.end);
    if (!this.walker && this.count === 0) this.walkerOf(0n);
    return { pages: this.wrong, count: this.count };
  }

  private get end(): number {
    return this.range.first + this.range.bytes;
  }

  private skipTo(address: number): void {
    for (; this.next < address; this.next += pageBytes) this.judge(zeroes, 0);
  }

  /** The page that is next, whose bytes begin at an offset of a piece. */
  private judge(piece: Buffer, at: number): void {
    if (!this.walker) return;
    const { page, round } = this.walker;
    const own = this.next / pageBytes;
    const before = own > page;
    if (isFilled(piece, at, { page: own, round: before ? round - 1 : round })) return;
    const rounds = own === page ? [round, round - 1] : [before ? round - 1 : round];
    const wrong = firstWrong(piece.subarray(at, at + pageBytes), own, rounds);
    if (wrong === undefined) return;
    this.count += 1;
    if (this.count <= described) this.wrong.push(this.describe(wrong, rounds));
  }

  private describe({ offset, found }: { offset: number; found: bigint }, rounds: readonly number[]): WrongPage {
    const address = this.next;
    const wrongAt = address + offset;
    const left = rounds.map((round) => `${quad(valueOf(address / pageBytes, round))} (round ${round})`);
    const holds = `page ${hex(address)} is wrong at ${hex(wrongAt)}, in a quadword that holds ${quad(found)}`;
    const may = left.length === 1 ? 'the walk has left' : 'the walk can have left';
    return { address, wrongAt, summary: `${holds}; ${may} ${left.join(' or ')} there` };
  }

  /** Where the walker's quadword says that it is; where that cannot be, nothing can be said of the pages, and the quadword is what is wrong. */
  private walkerOf(word: bigint): Walker | undefined {
    const page = Number(word >> 32n);
    const round = Number(word & 0xffff_ffffn);
    const address = page * pageBytes;
    if (round > 0 && address >= this.range.first && address < this.end) return { page, round };
    this.count = 1;
    const range = `from ${hex(this.range.first)} to ${hex(this.end)}`;
    const summary = `the walker's quadword at ${hex(this.wordAt)} holds ${quad(word)}, which is no page ${range} in any round`;
    this.wrong.push({ address: this.wordAt - (this.wordAt % pageBytes), wrongAt: this.wordAt, summary });
    return undefined;
  }
}

const zeroes = Buffer.alloc(pageBytes);

/** What the walk writes into a page in a round; round 0 stands for what was there before. */
function valueOf(page: number, round: number): bigint {
  return round === 0 ? 0n : (BigInt(page) << 32n) | BigInt(round);
}

/** Whether the page holds one round from its start to its end. Compared with itself, for that is as fast as the host copies memory. */
function isFilled(piece: Buffer, at: number, { page, round }: Walker): boolean {
  return (
    piece.readUInt32LE(at) === round &&
    piece.readUInt32LE(at + 4) === (round === 0 ? 0 : page) &&
    piece.compare(piece, at + 8, at + pageBytes, at, at + pageBytes - 8) === 0
  );
}

/** The first byte of a page that is of none of the rounds, which follow each other; and the quadword that it is in. */
function firstWrong(
  bytes: Buffer,
  page: number,
  rounds: readonly number[],
): { offset: number; found: bigint } | undefined {
  const values = rounds.map((round) => valueOf(page, round));
  for (let at = 0; at < pageBytes; at += 8) {
    const found = bytes.readBigUInt64LE(at);
    while (values.length > 1 && found !== values[0] && found === values[1]) values.shift();
    // Of two that it can be, the one that it is more like.
    if (found !== values[0])
      return { offset: at + Math.max(...values.map((value) => lowestByte(found ^ value))), found };
  }
  return undefined;
}

/** Which byte is the first in memory that is not zero. */
function lowestByte(difference: bigint): number {
  let byte = 0;
  while (((difference >> BigInt(8 * byte)) & 0xffn) === 0n) byte += 1;
  return byte;
}

function quad(value: bigint): string {
  return `0x${value.toString(16).padStart(16, '0')}`;
}
