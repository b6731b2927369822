import { GodwitError } from '../core/errors.js';

/** A migration stream is not what its format allows, or ends too early: the offset, and what was expected there. */
export class StreamError extends GodwitError {
  /** @param offset in the stream, in bytes. */
  constructor(
    readonly offset: number,
    what: string,
    details: { cause?: unknown } = {},
  ) {
    super('stream', `offset ${offset} (0x${offset.toString(16)}): ${printable(what)}`, {
      data: { offset },
      ...details,
    });
  }
}

/** A name in a stream that was cut or made up may hold anything: control characters are shown, not sent to a terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
