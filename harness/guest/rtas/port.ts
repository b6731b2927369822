import type { Duplex } from 'node:stream';
import type { Deadline } from '../../core/deadline.js';
import { ConnectError, GuestError } from '../../core/errors.js';
import { encodeFrame, type Frame, frameBytes, helloSequence, takeFrame } from './frame.js';

/** Somebody who waits for a frame. */
interface Waiting {
  what: string;
  sequence: number;
  timeoutMs: number;
  timer: NodeJS.Timeout;
  /** Absent for the hello, which nobody asks for. */
  request?: Buffer;
  resolve: (frame: Frame) => void;
  reject: (error: Error) => void;
}

/** The most bytes of garbage that a message shows. */
const shownBytes = 64;

/**
 * The host's end of the terminal of an RTAS guest. Calls of several callers leave one after the other, each when the one before was
 * answered; the guest makes each once, whatever a migration loses on the way.
 */
export class RtasPort {
  private wire: Duplex;
  private rest = Buffer.alloc(0);
  private lastSequence = helloSequence;
  private lastHeard = 'nothing';
  /** The first is the one that was sent. */
  private readonly queue: Waiting[] = [];
  private ended: GuestError | ConnectError | undefined;

  constructor(wire: Duplex) {
    this.wire = this.attach(wire);
  }

  /** Waits for the hello of a guest that starts: call it before the guest can run. Throws GuestError when nothing of the kind comes in time. */
  hello(deadline: Deadline): Promise<Frame> {
    return this.wait({ what: 'its hello', sequence: helloSequence, deadline });
  }

  /**
   * Has the guest make a call, after all that were asked for before: the argument buffer as the call has left it, and the status of the
   * hypercall. Throws GuestError when the guest has started anew or does not answer in time, ConnectError when the wire closes.
   */
  call(what: string, words: readonly number[], deadline: Deadline): Promise<Frame> {
    const sequence = (this.lastSequence += 1);
    return this.wait({ what, sequence, deadline, request: encodeFrame({ sequence, words, status: 0 }) });
  }

  /** Goes on with the guest on the terminal that it has come to by a migration: what is not answered is sent again. */
  moveTo(wire: Duplex): void {
    if (this.ended instanceof ConnectError) this.ended = undefined;
    this.rest = Buffer.alloc(0);
    this.wire = this.attach(wire);
    // The guest may have part of a request.
    wire.write(Buffer.alloc(frameBytes));
    this.sendFirst();
  }

  /** Fails everybody who waits; the wire stays open. */
  close(): void {
    this.end(new ConnectError('the terminal of the RTAS guest is not listened to any more'));
  }

  private attach(wire: Duplex): Duplex {
    const close = (why: string): void => {
      if (this.wire === wire) this.end(new ConnectError(`the terminal of the RTAS guest ${why}`));
    };
    wire.on('data', (chunk: Buffer) => this.receive(wire, chunk));
    wire.on('error', (error) => close(`broke: ${error.message}`));
    wire.on('close', () => close('was closed'));
    wire.on('end', () => close('was closed'));
    if (wire.destroyed) queueMicrotask(() => close('was closed'));
    return wire;
  }

  private wait({
    deadline,
    ...awaited
  }: Pick<Waiting, 'what' | 'sequence' | 'request'> & { deadline: Deadline }): Promise<Frame> {
    if (this.ended) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => {
      const timeoutMs = deadline.remainingMs;
      const timer = setTimeout(() => this.giveUp(waiting), timeoutMs);
      const waiting: Waiting = { ...awaited, timeoutMs, timer, resolve, reject };
      this.queue.push(waiting);
      if (this.queue.length === 1) this.sendFirst();
    });
  }

  private sendFirst(): void {
    const [first] = this.queue;
    if (first?.request) this.wire.write(first.request);
  }

  private giveUp(waiting: Waiting): void {
    const seen = this.rest.length === 0 ? this.lastHeard : shown(this.rest);
    const error = new GuestError(
      `the RTAS guest did not answer within ${Math.round(waiting.timeoutMs)} ms when asked for ${waiting.what}; last heard: ${seen}`,
    );
    this.settle(waiting, () => waiting.reject(error));
  }

  /** Its turn is over: the next one's request is sent. */
  private settle(waiting: Waiting, finish: () => void): void {
    clearTimeout(waiting.timer);
    const wasSent = this.queue[0] === waiting;
    this.queue.splice(this.queue.indexOf(waiting), 1);
    finish();
    if (wasSent) this.sendFirst();
  }

  /** What a machine that the guest has left still says is no answer: the guest is asked again where it is now. */
  private receive(wire: Duplex, chunk: Buffer): void {
    if (wire !== this.wire) return;
    this.rest = Buffer.concat([this.rest, chunk]);
    for (;;) {
      const { frame, used } = takeFrame(this.rest);
      if (used > 0 && !frame) this.lastHeard = shown(this.rest);
      this.rest = this.rest.subarray(used);
      if (!frame) return;
      this.accept(frame);
    }
  }

  /** An answer that nobody waits for is that to a call which was given up, or one that was sent twice. */
  private accept(frame: Frame): void {
    const [first] = this.queue;
    if (first?.sequence === frame.sequence) {
      this.lastHeard = `its answer when asked for ${first.what}`;
      this.settle(first, () => first.resolve(frame));
    } else if (frame.sequence === helloSequence) {
      this.end(new GuestError('the RTAS guest has started anew: its machine was reset'));
    }
  }

  private end(reason: GuestError | ConnectError): void {
    if (this.ended) return;
    this.ended = reason;
    for (const waiting of this.queue.splice(0)) {
      clearTimeout(waiting.timer);
      waiting.reject(reason);
    }
  }
}

function shown(bytes: Buffer): string {
  const more = bytes.length > shownBytes ? ` and ${bytes.length - shownBytes} bytes more` : '';
  return `${bytes.subarray(0, shownBytes).toString('hex')}${more}`;
}
