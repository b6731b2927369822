import type { Duplex } from 'node:stream';
import type { Deadline } from '../../core/deadline.js';
import { ConnectError, GuestError } from '../../core/errors.js';
import {
  type Answer,
  answerBytes,
  type Command,
  commands,
  decodeAnswer,
  encodeRequest,
  helloSequence,
  identity,
  requestBytes,
  unknownOpcode,
} from './protocol.js';

/** Somebody who waits for an answer. */
interface Waiting {
  command: Command;
  sequence: number;
  timeoutMs: number;
  timer: NodeJS.Timeout;
  resolve: (value: bigint) => void;
  reject: (error: Error) => void;
}

/** What comes on one wire. */
interface Incoming {
  wire: Duplex;
  rest: Buffer;
  /** Bytes that may be passed over until an answer is whole: the end of one whose start went to another wire, or what follows garbage. */
  tolerated: number;
}

/** The most bytes of garbage that a message shows. */
const shownBytes = 64;

/**
 * The host's end of a payload guest's serial port. Requests of several callers leave one after the other, each when the one before was
 * answered; the guest executes each once, whatever a migration loses on the way.
 */
export class PayloadPort {
  private current: Incoming;
  /** The first is the one that was sent. */
  private readonly queue: Waiting[] = [];
  private lastSequence = 0;
  /** The sequence of the last answer: after a move it may come twice. */
  private answered = helloSequence;
  /** Sequences of requests that were given up: their answers may still come. */
  private readonly givenUp = new Set<number>();
  private ended: GuestError | ConnectError | undefined;
  /** What came while nobody waited: for the next who does. */
  private unclaimed: GuestError | undefined;

  constructor(wire: Duplex) {
    this.current = this.attach(wire, 0);
  }

  /**
   * Waits for the hello of a guest that starts: call it before the guest can run. Throws GuestError when it sends anything else or nothing,
   * ConnectError when the wire closes.
   */
  async hello(deadline: Deadline): Promise<void> {
    const value = await this.wait({ ...commands.identify, what: 'its hello' }, helloSequence, deadline);
    if (value === identity) return;
    throw new GuestError(
      `the guest said hello as 0x${value.toString(16)}, and the payload is 0x${identity.toString(16)}`,
    );
  }

  /**
   * Asks the guest, after all who asked before: the value that it answers. Throws GuestError when it sends garbage, does not know the
   * command, has started anew or does not answer in time; ConnectError when the wire closes.
   */
  request(command: Command, deadline: Deadline): Promise<bigint> {
    this.lastSequence = (this.lastSequence % 0xff) + 1;
    return this.wait(command, this.lastSequence, deadline);
  }

  /**
   * Goes on with the guest on the wire that it has come to by a migration. What is not answered is sent again; an answer that still comes on
   * the old wire counts, and that one may close.
   */
  moveTo(wire: Duplex): void {
    if (this.ended instanceof ConnectError) this.ended = undefined;
    this.current = this.attach(wire, answerBytes - 1);
    // The guest may have half a request.
    wire.write(Buffer.alloc(requestBytes));
    this.sendFirst();
  }

  /** Fails everybody who waits; the wire stays open. */
  close(): void {
    this.end(new ConnectError('the serial port of the payload guest is not listened to any more'));
  }

  private attach(wire: Duplex, tolerated: number): Incoming {
    const incoming: Incoming = { wire, rest: Buffer.alloc(0), tolerated };
    const close = (why: string): void => {
      if (this.current === incoming) this.end(new ConnectError(`the serial port of the payload guest ${why}`));
    };
    wire.on('data', (chunk: Buffer) => this.receive(incoming, chunk));
    wire.on('error', (error) => close(`broke: ${error.message}`));
    wire.on('close', () => close('was closed'));
    wire.on('end', () => close('was closed'));
    if (wire.destroyed) queueMicrotask(() => close('was closed'));
    return incoming;
  }

  private wait(command: Command, sequence: number, deadline: Deadline): Promise<bigint> {
    const failed = this.ended ?? this.unclaimed;
    this.unclaimed = undefined;
    if (failed) return Promise.reject(failed);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.giveUp(waiting), deadline.remainingMs);
      const waiting: Waiting = { command, sequence, timeoutMs: deadline.remainingMs, timer, resolve, reject };
      this.queue.push(waiting);
      if (this.queue.length === 1) this.sendFirst();
    });
  }

  private sendFirst(): void {
    const [first] = this.queue;
    if (!first || first.sequence === helloSequence) return;
    const { command, sequence } = first;
    this.givenUp.delete(sequence);
    this.current.wire.write(encodeRequest({ ...command, sequence }));
  }

  private giveUp(waiting: Waiting): void {
    const { rest } = this.current;
    const { command, timeoutMs } = waiting;
    const isSent = this.queue[0] === waiting;
    const seen = rest.length === 0 ? 'sent nothing' : `sent ${shown(rest)}`;
    const why = isSent ? `and ${seen}` : 'for it has not answered what was asked before';
    const error = new GuestError(
      `the payload guest did not answer within ${Math.round(timeoutMs)} ms when asked for ${command.what}, ${why}`,
    );
    if (isSent) this.givenUp.add(waiting.sequence);
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

  private receive(incoming: Incoming, chunk: Buffer): void {
    incoming.rest = Buffer.concat([incoming.rest, chunk]);
    while (incoming.rest.length >= answerBytes) {
      const answer = decodeAnswer(incoming.rest.subarray(0, answerBytes));
      if (answer && this.accept(answer)) {
        incoming.rest = incoming.rest.subarray(answerBytes);
        incoming.tolerated = 0;
      } else if (incoming.tolerated > 0) {
        incoming.rest = incoming.rest.subarray(1);
        incoming.tolerated -= 1;
      } else {
        const garbage = incoming.rest;
        incoming.rest = Buffer.alloc(0);
        incoming.tolerated = answerBytes - 1;
        this.refuse(new GuestError(`the payload guest sent what is no answer: ${shown(garbage)}`));
      }
    }
  }

  /** False for an answer to nobody. */
  private accept({ opcode, sequence, value }: Answer): boolean {
    const [first] = this.queue;
    if (first?.sequence === sequence) {
      if (opcode !== first.command.opcode && opcode !== unknownOpcode) return false;
      const error = new GuestError(`the payload guest cannot tell ${first.command.what}: it has no such command`);
      this.answered = sequence;
      this.settle(first, () => (opcode === unknownOpcode ? first.reject(error) : first.resolve(value)));
      return true;
    }
    if (sequence === helloSequence && value === identity) {
      this.end(
        new GuestError('the payload guest has started anew: the machine was reset, or the guest did what it cannot'),
      );
      return true;
    }
    return sequence === this.answered || this.givenUp.has(sequence);
  }

  /** What came was meant for whoever waits. */
  private refuse(error: GuestError): void {
    const [first] = this.queue;
    if (!first) {
      this.unclaimed = error;
      return;
    }
    this.givenUp.add(first.sequence);
    this.settle(first, () => first.reject(error));
  }

  private end(reason: GuestError | ConnectError): void {
    if (this.ended) return;
    this.ended = reason;
    for (const waiting of this.queue.splice(0)) {
      clearTimeout(waiting.timer);
      this.givenUp.add(waiting.sequence);
      waiting.reject(reason);
    }
  }
}

function shown(bytes: Buffer): string {
  const more = bytes.length > shownBytes ? ` and ${bytes.length - shownBytes} bytes more` : '';
  return `${bytes.subarray(0, shownBytes).toString('hex')}${more}`;
}
