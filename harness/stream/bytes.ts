import { StreamError } from './errors.js';

/**
 * Reads a part of a stream, and yields whenever it has to wait for bytes: one reader serves a file, a pipe, and a migration that
 * passes by. What it yields is how many bytes it will not look at, so that a file may be read from further on.
 */
export type Reading<T> = Generator<number, T, void>;

/** Bytes that are asked for at once. */
const usualRoom = 1 << 20;

/** The bytes of a stream that have come and are not read yet. Numbers are big-endian, as everywhere in a migration stream. */
export class StreamBytes {
  private buffer = Buffer.allocUnsafe(usualRoom);
  private at = 0;
  private filled = 0;
  private base = 0;
  private unwanted = 0;
  private ended = false;

  /** Where the next byte is, in bytes from the start of the stream. */
  get offset(): number {
    return this.base + this.at;
  }

  /** How many bytes have come and are not read yet. */
  get available(): number {
    return this.filled - this.at;
  }

  /** Where the next bytes are to be written; then `wrote` says how many were. */
  room(atLeast = usualRoom / 2): Buffer {
    const rest = this.available;
    if (rest + atLeast > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * this.buffer.length, rest + atLeast));
      this.buffer.copy(larger, 0, this.at, this.filled);
      this.buffer = larger;
    } else if (rest > 0) this.buffer.copyWithin(0, this.at, this.filled);
    this.base += this.at;
    this.at = 0;
    this.filled = rest;
    return this.buffer.subarray(rest);
  }

  /** So many bytes were written into the room. */
  wrote(count: number): void {
    this.filled += count;
    const skipped = Math.min(this.unwanted, this.available);
    this.at += skipped;
    this.unwanted -= skipped;
  }

  /** Adds what came, of which nothing is kept in the chunk itself. */
  push(chunk: Buffer): void {
    const skipped = Math.min(this.unwanted, chunk.length);
    this.pass(skipped);
    if (skipped === chunk.length) return;
    chunk.copy(this.room(chunk.length - skipped), 0, skipped);
    this.wrote(chunk.length - skipped);
  }

  /** Whoever gives bytes leaves out this many, which the reading does not want. */
  pass(count: number): void {
    this.unwanted -= count;
    this.base += count;
  }

  /** Says that nothing will come any more: a reading that needs more throws StreamError. */
  end(): void {
    this.ended = true;
  }

  /** Waits until `count` bytes are there; throws StreamError when the stream ends before, naming what was expected. */
  *need(count: number, what: string): Reading<void> {
    while (this.available < count) {
      if (this.ended) throw new StreamError(this.offset + this.available, `the stream ends where ${what} was expected`);
      yield 0;
    }
  }

  /** Waits until a byte is there, or the stream has ended: true when it has. */
  *isOver(): Reading<boolean> {
    while (this.available === 0 && !this.ended) yield 0;
    return this.available === 0;
  }

  /** Goes on after `count` bytes, without looking at them. */
  *skip(count: number, what: string): Reading<void> {
    const here = Math.min(count, this.available);
    this.at += here;
    this.unwanted = count - here;
    while (this.unwanted > 0) {
      if (this.ended)
        throw new StreamError(this.offset, `the stream ends within ${what}, ${this.unwanted} bytes too early`);
      yield this.unwanted;
    }
  }

  /** The same at once, where the bytes are there already; false where they are not. */
  hop(count: number): boolean {
    if (this.available < count) return false;
    this.at += count;
    return true;
  }

  /** Two halves of the next 64 bits, which must be there: in a stream of pages, generators cost more than the pages. */
  word(): { high: number; low: number } {
    const at = this.move(8);
    return { high: this.buffer.readUInt32BE(at), low: this.buffer.readUInt32BE(at + 4) };
  }

  *u8(what: string): Reading<number> {
    if (this.available < 1) yield* this.need(1, what);
    return this.buffer.readUInt8(this.move(1));
  }

  *u16(what: string): Reading<number> {
    if (this.available < 2) yield* this.need(2, what);
    return this.buffer.readUInt16BE(this.move(2));
  }

  *u32(what: string): Reading<number> {
    if (this.available < 4) yield* this.need(4, what);
    return this.buffer.readUInt32BE(this.move(4));
  }

  *u64(what: string): Reading<bigint> {
    if (this.available < 8) yield* this.need(8, what);
    return this.buffer.readBigUInt64BE(this.move(8));
  }

  /** A 64-bit number that counts bytes or is an address; throws StreamError when it is beyond what a number holds exactly. */
  *count(what: string): Reading<number> {
    if (this.available < 8) yield* this.need(8, what);
    const { high, low } = this.word();
    const value = high * 0x1_0000_0000 + low;
    if (value > Number.MAX_SAFE_INTEGER)
      throw new StreamError(this.offset - 8, `${what} is 0x${value.toString(16)}, beyond all reason`);
    return value;
  }

  /** A copy of the next bytes, which stays when the reading goes on. */
  *take(count: number, what: string): Reading<Buffer> {
    if (this.available < count) yield* this.need(count, what);
    const start = this.move(count);
    return Buffer.from(this.buffer.subarray(start, start + count));
  }

  /** Text with a byte of length before it, as QEMU writes names. */
  *name(what: string): Reading<string> {
    const length = yield* this.u8(`the length of ${what}`);
    return (yield* this.take(length, what)).toString('latin1');
  }

  /** A UUID, in the usual groups. */
  *uuid(what: string): Reading<string> {
    const digits = (yield* this.take(16, what)).toString('hex');
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  /** What is there, from the next byte on; only to look at, until the reading yields. */
  peek(): Buffer {
    return this.buffer.subarray(this.at, this.filled);
  }

  private move(count: number): number {
    const start = this.at;
    this.at += count;
    return start;
  }
}
