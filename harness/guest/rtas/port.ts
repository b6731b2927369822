import type { Duplex } from 'node:stream';
import type { Deadline } from '../../core/deadline.js';
import { GuestError } from '../../core/errors.js';
import { CallQueue } from '../call-queue.js';
import { shownBytes } from '../shown-bytes.js';
import { encodeFrame, type Frame, frameBytes, helloSequence, takeFrame } from './frame.js';

interface Call {
  what: string;
  sequence: number;
  /** Absent for the hello, which nobody asks for. */
  words?: readonly number[];
}

/**
 * The host's end of the terminal of an RTAS guest. Calls of several callers leave one after the other, each when the one before was
 * answered; the guest makes each once, whatever a migration loses on the way.
 */
export class RtasPort {
  private incoming = { rest: Buffer.alloc(0) };
  private lastSequence = helloSequence;
  private lastHeard = 'nothing';
  private readonly calls: CallQueue<Call, Frame>;

  constructor(wire: Duplex) {
    const dialect = {
      ...{ guest: 'RTAS guest', port: 'terminal', requestBytes: frameBytes },
      listen: () => this.listen(),
      encode: ({ sequence, words }: Call) => words && encodeFrame({ sequence, words, status: 0 }),
      silence: () =>
        `; last heard: ${this.incoming.rest.length === 0 ? this.lastHeard : shownBytes(this.incoming.rest)}`,
    };
    this.calls = new CallQueue(dialect, wire);
  }

  /** Waits for the hello of a guest that starts: call it before the guest can run. Throws GuestError when nothing of the kind comes in time. */
  hello(deadline: Deadline): Promise<Frame> {
    return this.calls.ask({ what: 'its hello', sequence: helloSequence }, deadline);
  }

  /**
   * Has the guest make a call, after all that were asked for before: the argument buffer as the call has left it, and the status of the
   * hypercall. Throws GuestError when the guest has started anew or does not answer in time, ConnectError when the wire closes.
   */
  call(what: string, words: readonly number[], deadline: Deadline): Promise<Frame> {
    const sequence = (this.lastSequence += 1);
    return this.calls.ask({ what, sequence, words }, deadline);
  }

  /** Goes on with the guest on the terminal that it has come to by a migration: what is not answered is sent again. */
  moveTo(wire: Duplex): void {
    this.calls.moveTo(wire);
  }

  /** Fails everybody who waits; the wire stays open. */
  close(): void {
    this.calls.close();
  }

  /** What a machine that the guest has left still says is no answer: the guest is asked again where it is now. */
  private listen(): (chunk: Buffer) => void {
    const incoming = (this.incoming = { rest: Buffer.alloc(0) });
    return (chunk) => {
      if (this.incoming === incoming) this.receive(chunk);
    };
  }

  private receive(chunk: Buffer): void {
    const { incoming } = this;
    incoming.rest = Buffer.concat([incoming.rest, chunk]);
    for (;;) {
      const { frame, used } = takeFrame(incoming.rest);
      if (used > 0 && !frame) this.lastHeard = shownBytes(incoming.rest);
      incoming.rest = incoming.rest.subarray(used);
      if (!frame) return;
      this.accept(frame);
    }
  }

  /** An answer that nobody waits for is that to a call which was given up, or one that was sent twice. */
  private accept(frame: Frame): void {
    const { first } = this.calls;
    if (first?.sequence === frame.sequence) {
      this.lastHeard = `its answer when asked for ${first.what}`;
      this.calls.answer(frame);
    } else if (frame.sequence === helloSequence) {
      this.calls.end(new GuestError('the RTAS guest has started anew: its machine was reset'));
    }
  }
}
