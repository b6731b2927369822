import type { Duplex } from 'node:stream';
import type { Deadline } from '../../core/deadline.js';
import { GuestError } from '../../core/errors.js';
import { CallQueue } from '../call-queue.js';
import { shownBytes } from '../shown-bytes.js';
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

/** A command on its way. */
type Call = Command & { sequence: number };

/** What comes on one wire. */
interface Incoming {
  rest: Buffer;
  /** Bytes that may be passed over until an answer is whole: the end of one whose start went to another wire, or what follows garbage. */
  tolerated: number;
}

/**
 * The host's end of a payload guest's serial port. Requests of several callers leave one after the other, each when the one before was
 * answered; the guest executes each once, whatever a migration loses on the way.
 */
export class PayloadPort {
  private readonly calls: CallQueue<Call, Answer>;
  /** What comes where the guest is now. */
  private incoming: Incoming | undefined;
  private lastSequence = 0;
  /** The sequence of the last answer: after a move it may come twice. */
  private answered = helloSequence;
  /** Sequences of requests that were given up: their answers may still come. */
  private readonly givenUp = new Set<number>();

  constructor(wire: Duplex) {
    const dialect = {
      ...{ guest: 'payload guest', port: 'serial port', requestBytes },
      listen: () => this.listen(),
      encode: (call: Call) => this.encode(call),
      silence: (call: Call) => this.silence(call),
      abandon: ({ sequence }: Call) => void this.givenUp.add(sequence),
    };
    this.calls = new CallQueue(dialect, wire);
  }

  /**
   * Waits for the hello of a guest that starts: call it before the guest can run. Throws GuestError when it sends anything else or nothing,
   * ConnectError when the wire closes.
   */
  async hello(deadline: Deadline): Promise<void> {
    const value = await this.ask({ ...commands.identify, what: 'its hello', sequence: helloSequence }, deadline);
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
    return this.ask({ ...command, sequence: this.lastSequence }, deadline);
  }

  /**
   * Goes on with the guest on the wire that it has come to by a migration. What is not answered is sent again; an answer that still comes on
   * the old wire counts, and that one may close.
   */
  moveTo(wire: Duplex): void {
    this.calls.moveTo(wire);
  }

  /** Fails everybody who waits; the wire stays open. */
  close(): void {
    this.calls.close();
  }

  private async ask(call: Call, deadline: Deadline): Promise<bigint> {
    const { opcode, value } = await this.calls.ask(call, deadline);
    if (opcode !== unknownOpcode) return value;
    throw new GuestError(`the payload guest cannot tell ${call.what}: it has no such command`);
  }

  private encode(call: Call): Buffer | undefined {
    if (call.sequence === helloSequence) return undefined;
    this.givenUp.delete(call.sequence);
    return encodeRequest(call);
  }

  private silence(call: Call): string {
    if (this.calls.first !== call) return ', for it has not answered what was asked before';
    return `, and sent ${this.incoming?.rest.length ? shownBytes(this.incoming.rest) : 'nothing'}`;
  }

  private listen(): (chunk: Buffer) => void {
    const incoming = { rest: Buffer.alloc(0), tolerated: this.incoming ? answerBytes - 1 : 0 };
    this.incoming = incoming;
    return (chunk) => this.receive(incoming, chunk);
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
        // It was meant for whoever waits.
        this.calls.fail(new GuestError(`the payload guest sent what is no answer: ${shownBytes(garbage)}`));
      }
    }
  }

  /** False for an answer to nobody. */
  private accept(answer: Answer): boolean {
    const { opcode, sequence, value } = answer;
    const { first } = this.calls;
    if (first?.sequence === sequence) {
      if (opcode !== first.opcode && opcode !== unknownOpcode) return false;
      this.answered = sequence;
      this.calls.answer(answer);
      return true;
    }
    if (sequence === helloSequence && value === identity) {
      this.calls.end(
        new GuestError('the payload guest has started anew: the machine was reset, or the guest did what it cannot'),
      );
      return true;
    }
    return sequence === this.answered || this.givenUp.has(sequence);
  }
}
