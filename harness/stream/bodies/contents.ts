import { StreamError } from '../errors.js';
import type { BodyContent } from '../section.js';

/** More names than this in one section are no names: what is read is no stream. */
const mostMarks = 4096;

/** Collects what is found in one body. */
export class Contents {
  private readonly counts: Record<string, number> = {};
  private readonly places = new Map<string, number>();

  /** So many things more, or bytes. */
  add(what: string, count = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + count;
  }

  /** Notes where a name stands first; throws StreamError when there are too many of them to be true. */
  mark(name: string, offset: number): void {
    if (this.places.has(name)) return;
    if (this.places.size === mostMarks)
      throw new StreamError(offset, `at most ${mostMarks} names were expected in one section, and here is one more`);
    this.places.set(name, offset);
  }

  /** All that was found. */
  as(format: string): BodyContent {
    const marks = [...this.places].map(([name, offset]) => ({ name, offset }));
    return { format, counts: { ...this.counts }, ...(marks.length > 0 && { marks }) };
  }
}
