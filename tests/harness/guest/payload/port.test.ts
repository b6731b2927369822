import type { Socket } from 'node:net';
import { expect } from 'chai';
import { Deadline } from '../../../../harness/core/deadline.js';
import { GuestError } from '../../../../harness/core/errors.js';
import { PayloadPort } from '../../../../harness/guest/payload/port.js';
import {
  type Answer,
  commands,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  identity,
  type Request,
  requestBytes,
} from '../../../../harness/guest/payload/protocol.js';
import { failure, timersRunning } from '../../support/failure.js';
import { SocketPair } from '../../support/peer.js';

const soon = (): Deadline => Deadline.after(5000);

/** The guest's end of a wire: collects requests as a guest reads them, and answers what it is told to. */
class Played {
  readonly requests: Request[] = [];
  /** What it has of a request. */
  rest: Buffer = Buffer.alloc(0);
  private heard: () => void = () => undefined;

  constructor(readonly wire: Socket) {
    wire.on('data', (chunk: Buffer) => {
      this.rest = Buffer.concat([this.rest, chunk]);
      for (;;) {
        const start = this.rest.findIndex((byte) => byte !== 0);
        if (start < 0 || this.rest.length < start + requestBytes) return;
        const request = decodeRequest(this.rest.subarray(start, start + requestBytes));
        this.rest = this.rest.subarray(start + requestBytes);
        if (request) this.requests.push(request);
        this.heard();
      }
    });
  }

  /** Resolves with the last request when so many have come. */
  async after(count: number): Promise<Request> {
    while (this.requests.length < count) await new Promise<void>((resolve) => (this.heard = resolve));
    return this.requests[count - 1] ?? { opcode: 0, sequence: 0, arguments: [0n, 0n] };
  }

  answer(to: Request, value: bigint, changes: Partial<Answer> = {}): Buffer {
    return encodeAnswer({ opcode: to.opcode, sequence: to.sequence, value, ...changes });
  }
}

/**
 * A guest that does what no real one does on demand; the order of requests is tested in call-queue.test.ts:
 * 1. An answer counts when it is whole.
 * 2. Silence, garbage, an answer to another one, an unknown command, a second hello: each is told for what it is.
 * 3. Whatever of a request or an answer the move to another wire loses, the request is sent again with the same sequence, and answered once.
 */
describe('the port of a payload guest', () => {
  let pairs: SocketPair[];

  beforeEach(() => {
    pairs = [];
  });

  afterEach(async () => {
    for (const pair of pairs) await pair[Symbol.asyncDispose]();
    expect(timersRunning()).to.be.at.most(0);
  });

  async function wire(): Promise<{ here: Socket; guest: Played }> {
    const pair = await SocketPair.open();
    pairs.push(pair);
    return { here: pair.here, guest: new Played(pair.there) };
  }

  it('takes an answer in pieces', async () => {
    const { here, guest } = await wire();
    const port = new PayloadPort(here);
    const ticks = port.request(commands.setInterval(5n), soon());
    const asked = await guest.after(1);
    expect(asked.arguments).to.deep.equal([5n, 0n]);
    // As a slow guest.
    for (const byte of guest.answer(asked, 7n << 61n)) guest.wire.write(Buffer.of(byte));
    expect(await ticks).to.equal(7n << 61n);
  });

  it('says that the guest is silent, and goes on when it is not any more', async () => {
    const { here, guest } = await wire();
    const port = new PayloadPort(here);
    const unanswered = port.request(commands.rounds, Deadline.after(500));
    const behind = port.request(commands.position, Deadline.after(20));
    expect((await failure(behind, GuestError)).message).to.match(
      /^the payload guest did not answer within \d+ ms when asked for the position, for it has not answered what was asked before$/,
    );
    expect((await failure(unanswered, GuestError)).message).to.match(
      /^the payload guest did not answer within \d+ ms when asked for the rounds, and sent nothing$/,
    );
    const next = port.request(commands.position, soon());
    const second = await guest.after(2);
    guest.wire.write(guest.answer(guest.requests[0] ?? second, 1n));
    guest.wire.write(guest.answer(second, 2n));
    expect(await next).to.equal(2n);
  });

  it('shows garbage', async () => {
    const { here, guest } = await wire();
    const port = new PayloadPort(here);
    const short = port.request(commands.rounds, Deadline.after(500));
    await guest.after(1);
    guest.wire.write(Buffer.from('SeaBIOS'));
    expect((await failure(short, GuestError)).message).to.include('and sent 53656142494f53');
    const long = port.request(commands.rounds, soon());
    const { sequence } = await guest.after(2);
    guest.wire.write(Buffer.alloc(100, 0xee));
    const { message } = await failure(long, GuestError);
    expect(message).to.include('sent what is no answer: 53656142494f53ee').and.include('and 43 bytes more');
    // What comes while nobody waits is told to the next who does; whoever asks after that has a good guest.
    guest.wire.write(encodeAnswer({ opcode: 6, sequence: sequence + 9, value: 0n }));
    guest.wire.write(Buffer.alloc(30, 0xdd));
    await new Promise((resolve) => here.once('data', resolve));
    expect((await failure(port.request(commands.rounds, soon()), GuestError)).message).to.include('dddddd');
    const good = port.request(commands.rounds, soon());
    guest.wire.write(guest.answer(await guest.after(3), 3n));
    expect(await good).to.equal(3n);
  });

  it('does not take an answer to another request', async () => {
    for (const changes of [{ sequence: 77 }, { opcode: 9 }]) {
      const { here, guest } = await wire();
      const asked = new PayloadPort(here).request(commands.rounds, soon());
      const request = await guest.after(1);
      guest.wire.write(guest.answer(request, 5n, changes));
      expect((await failure(asked, GuestError)).message).to.include('sent what is no answer: 0');
    }
  });

  it('says that a command is unknown', async () => {
    const { here, guest } = await wire();
    const port = new PayloadPort(here);
    const asked = port.request(commands.rounds, soon());
    guest.wire.write(guest.answer(await guest.after(1), 0n, { opcode: 0xff }));
    expect((await failure(asked, GuestError)).message).to.equal(
      'the payload guest cannot tell the rounds: it has no such command',
    );
  });

  it('takes one hello, of this version', async () => {
    const { here, guest } = await wire();
    const port = new PayloadPort(here);
    const hello = (value: bigint) => guest.wire.write(encodeAnswer({ opcode: 1, sequence: 0, value }));
    const greeted = port.hello(soon());
    hello(identity);
    await greeted;
    const asked = port.request(commands.rounds, soon());
    // Nobody asks for a hello.
    expect((await guest.after(1)).opcode).to.equal(commands.rounds.opcode);
    hello(identity);
    expect((await failure(asked, GuestError)).message).to.include('has started anew');
    expect((await failure(port.request(commands.rounds, soon()), GuestError)).message).to.include('has started anew');

    const other = await wire();
    const old = new PayloadPort(other.here).hello(soon());
    other.guest.wire.write(encodeAnswer({ opcode: 1, sequence: 0, value: 7n }));
    expect((await failure(old, GuestError)).message).to.equal(
      'the guest said hello as 0x7, and the payload is 0x1746977646f67',
    );
  });

  for (let some = 0; some < requestBytes; some += 1) {
    it(`is answered once when ${some} bytes of what was under way went to the old wire`, async () => {
      const [before, after] = [await wire(), await wire()];
      const port = new PayloadPort(before.here);
      const asked = port.request(commands.rounds, soon());
      const request = await before.guest.after(1);
      const answer = before.guest.answer(request, 0x0102_0304_0506_0708n);
      before.guest.wire.write(answer.subarray(0, some));
      after.guest.rest = encodeRequest(request).subarray(0, some);
      port.moveTo(after.here);
      before.guest.wire.end();
      after.guest.wire.write(answer.subarray(some));
      expect(await after.guest.after(1)).to.deep.equal(request);
      after.guest.wire.write(answer);
      expect(await asked).to.equal(0x0102_0304_0506_0708n);
      const next = port.request(commands.position, soon());
      const second = await after.guest.after(2);
      expect(second.sequence).to.equal(request.sequence + 1);
      after.guest.wire.write(after.guest.answer(second, 9n));
      expect(await next).to.equal(9n);
    });
  }
});
