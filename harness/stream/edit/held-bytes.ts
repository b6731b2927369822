/** A range of the stream that leaves it at another place, or not at all. */
interface Cut {
  start: number;
  end: number;
  /** Where it is put in; undefined where it is left out. */
  to?: number;
}

/** Bytes of a stream that are held back until it is certain what becomes of them. Offsets count from the start of the stream. */
export class HeldBytes {
  private chunks: Buffer[] = [];
  private start = 0;
  private length = 0;
  private cuts: Cut[] = [];

  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.length += chunk.length;
  }

  /** Leaves a range out. */
  cut(start: number, end: number): void {
    this.cuts.push({ start, end });
  }

  /** Takes a range out and puts it in at an earlier offset. */
  move(start: number, end: number, to: number): void {
    this.cuts.push({ start, end, to });
  }

  /** Replaces one byte; false when it has gone already. */
  replace(offset: number, value: number): boolean {
    if (offset < this.start || offset >= this.start + this.length) return false;
    const whole = Buffer.concat(this.chunks);
    whole[offset - this.start] = value;
    this.chunks = [whole];
    return true;
  }

  /** Hands out everything before an offset, with what was cut left out and what was moved put in. */
  release(before: number): Buffer[] {
    const end = this.releasable(Math.min(before, this.start + this.length));
    if (end <= this.start) return [];
    const bytes = this.chunks.length === 1 && this.chunks[0] ? this.chunks[0] : Buffer.concat(this.chunks);
    const from = this.start;
    const due = this.cuts.filter((cut) => cut.start < end);
    this.cuts = this.cuts.filter((cut) => cut.start >= end);
    this.chunks = end - from === bytes.length ? [] : [bytes.subarray(end - from)];
    this.start = end;
    this.length -= end - from;
    if (due.length === 0) return [bytes.subarray(0, end - from)];
    return compose(due, { from, end, at: (start, to) => bytes.subarray(start - from, to - from) });
  }

  /** Nothing may leave from the place on at which a range is put in, before the range itself may. */
  private releasable(end: number): number {
    const waiting = this.cuts.flatMap(({ end: last, to }) => (to !== undefined && last > end ? [to] : []));
    return Math.min(end, ...waiting);
  }
}

interface Range {
  from: number;
  end: number;
  at: (start: number, end: number) => Buffer;
}

function compose(cuts: readonly Cut[], { from, end, at }: Range): Buffer[] {
  const steps = cuts.flatMap((cut) => [
    { offset: cut.start, skipTo: cut.end, put: undefined },
    ...(cut.to === undefined ? [] : [{ offset: cut.to, skipTo: undefined, put: cut }]),
  ]);
  const found: Buffer[] = [];
  let cursor = from;
  for (const { offset, skipTo, put } of steps.sort((a, b) => a.offset - b.offset)) {
    if (offset > cursor) found.push(at(cursor, offset));
    cursor = Math.max(cursor, offset);
    if (put) found.push(at(put.start, put.end));
    if (skipTo !== undefined) cursor = Math.max(cursor, skipTo);
  }
  if (cursor < end) found.push(at(cursor, end));
  return found;
}
