import { GodwitError } from '../core/errors.js';

/** A migration stream is not what its format allows, or ends too early: the offset, and what was expected there. */
export class StreamError extends GodwitError {
  /** @param offset in the stream, in bytes. */
  constructor(
    readonly offset: number,
    what: string,
    details: { cause?: unknown } = {},
  ) {
    super('stream', `offset ${offset} (0x${offset.toString(16)}): ${what}`, { data: { offset }, ...details });
  }
}
