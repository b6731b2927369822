import type { Transform } from './connection.js';

/** Lets so many bytes through, and nothing after them. */
export class CutAfter implements Transform {
  constructor(private left: number) {}

  get isOver(): boolean {
    return this.left === 0;
  }

  push(chunk: Buffer): Buffer[] {
    const part = chunk.subarray(0, this.left);
    this.left -= part.length;
    return part.length > 0 ? [part] : [];
  }

  end(): Buffer[] {
    return [];
  }
}
