import type { Duplex } from 'node:stream';
import type { Deadline } from '../core/deadline.js';
import { ConnectError, GuestError } from '../core/errors.js';

/** How one kind of guest is asked: what a queue of calls must know of it. */
export interface Dialect<Call> {
  /** For messages: "RTAS guest". */
  readonly guest: string;
  /** What it is asked on, for messages: "terminal". */
  readonly port: string;
  /** Bytes of a request: as many zeroes finish the part of one that the guest may have. */
  readonly requestBytes: number;
  /** Who hears what comes on a wire that the guest is on from now on. */
  listen(): (chunk: Buffer) => void;
  /** The request as it is sent; undefined for what the guest says by itself. Asked each time that it is sent. */
  encode(call: Call): Buffer | undefined;
  /** The end of the sentence that says that a call was not answered in time: "; last heard: nothing". */
  silence(call: Call): string;
  /** Told when nobody waits any more for the answer to a request that was sent: it may still come. */
  abandon?(call: Call): void;
}

/** Somebody who waits for an answer. */
interface Waiting<Call, Answer> {
  call: Call;
  timer: NodeJS.Timeout;
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
}

/**
 * The calls of several callers to a guest, over a wire that a migration may move. They leave one after the other, each when the one before
 * was answered or given up; what was sent and is not answered when the guest has moved is sent again.
 */
export class CallQueue<Call extends { what: string }, Answer> {
  private wire: Duplex;
  /** The first is the one that was sent. */
  private readonly queue: Waiting<Call, Answer>[] = [];
  private ended: GuestError | ConnectError | undefined;
  /** What went wrong while nobody waited: for the next who does. */
  private unclaimed: GuestError | undefined;

  constructor(
    private readonly dialect: Dialect<Call>,
    wire: Duplex,
  ) {
    this.wire = this.attach(wire);
  }

  /** The call whose answer the guest owes. */
  get first(): Call | undefined {
    return this.queue[0]?.call;
  }

  /**
   * The answer to a call, after all that were made before. Throws GuestError when none comes before the deadline, ConnectError when the
   * wire closes, and what `fail` and `end` are told.
   */
  ask(call: Call, deadline: Deadline): Promise<Answer> {
    const failed = this.ended ?? this.unclaimed;
    this.unclaimed = undefined;
    if (failed) return Promise.reject(failed);
    return new Promise((resolve, reject) => {
      const timeoutMs = deadline.remainingMs;
      const timer = setTimeout(() => this.giveUp(waiting, timeoutMs), timeoutMs);
      const waiting = { call, timer, resolve, reject };
      this.queue.push(waiting);
      if (this.queue.length === 1) this.sendFirst();
    });
  }

  /** Answers the first call. */
  answer(answer: Answer): void {
    const [first] = this.queue;
    if (first) this.settle(first, () => first.resolve(answer));
  }

  /** Fails the first call, or the next one where there is none. */
  fail(error: GuestError): void {
    const [first] = this.queue;
    if (first) this.abandon(first, error);
    else this.unclaimed = error;
  }

  /** Fails all calls and those that are still to come; after a ConnectError, until the guest is on another wire. The first reason stays. */
  end(reason: GuestError | ConnectError): void {
    if (this.ended) return;
    this.ended = reason;
    if (this.first) this.dialect.abandon?.(this.first);
    for (const { timer, reject } of this.queue.splice(0)) {
      clearTimeout(timer);
      reject(reason);
    }
  }

  /** Fails everybody who waits; the wire stays open. */
  close(why = 'is not listened to any more'): void {
    this.end(new ConnectError(`the ${this.dialect.port} of the ${this.dialect.guest} ${why}`));
  }

  /** Goes on with the guest on the wire that it has come to by a migration; the old one may close. */
  moveTo(wire: Duplex): void {
    if (this.ended instanceof ConnectError) this.ended = undefined;
    this.wire = this.attach(wire);
    wire.write(Buffer.alloc(this.dialect.requestBytes));
    this.sendFirst();
  }

  private attach(wire: Duplex): Duplex {
    const close = (why: string): void => {
      if (this.wire === wire) this.close(why);
    };
    wire.on('data', this.dialect.listen());
    wire.on('error', (error) => close(`broke: ${error.message}`));
    wire.on('close', () => close('was closed'));
    wire.on('end', () => close('was closed'));
    if (wire.destroyed) queueMicrotask(() => close('was closed'));
    return wire;
  }

  private sendFirst(): void {
    const request = this.first && this.dialect.encode(this.first);
    if (request) this.wire.write(request);
  }

  private giveUp(waiting: Waiting<Call, Answer>, timeoutMs: number): void {
    const { call } = waiting;
    const silence = `did not answer within ${Math.round(timeoutMs)} ms when asked for ${call.what}`;
    this.abandon(waiting, new GuestError(`the ${this.dialect.guest} ${silence}${this.dialect.silence(call)}`));
  }

  private abandon(waiting: Waiting<Call, Answer>, error: GuestError): void {
    if (this.queue[0] === waiting) this.dialect.abandon?.(waiting.call);
    this.settle(waiting, () => waiting.reject(error));
  }

  /** Its turn is over: the next one's request is sent. */
  private settle(waiting: Waiting<Call, Answer>, finish: () => void): void {
    clearTimeout(waiting.timer);
    const wasSent = this.queue[0] === waiting;
    this.queue.splice(this.queue.indexOf(waiting), 1);
    finish();
    if (wasSent) this.sendFirst();
  }
}
