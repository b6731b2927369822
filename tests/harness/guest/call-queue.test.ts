import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect } from 'chai';
import { Deadline } from '../../../harness/core/deadline.js';
import { ConnectError, GuestError } from '../../../harness/core/errors.js';
import { CallQueue } from '../../../harness/guest/call-queue.js';
import { failure, timersRunning } from '../support/failure.js';
import { SocketPair } from '../support/peer.js';

const soon = (): Deadline => Deadline.after(5000);
const requestBytes = 4;

interface Call {
  what: string;
}

/** A wire: the queue's end, and the guest's, which has heard so many letters when `heard` resolves. */
interface Wire {
  here: Socket;
  there: Socket;
  heard: (letters: number) => Promise<string>;
}

/** A queue of calls of one letter, which are answered with one, over wires whose other ends the test plays. */
class Stage implements AsyncDisposable {
  readonly abandoned: string[] = [];
  private readonly pairs: SocketPair[] = [];

  async wire(): Promise<Wire> {
    const pair = await SocketPair.open();
    this.pairs.push(pair);
    const { here, there } = pair;
    let text = '';
    there.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const heard = async (letters: number): Promise<string> => {
      while (text.length < letters) await once(there, 'data');
      return text;
    };
    return { here, there, heard };
  }

  queueOn(wire: Socket): CallQueue<Call, string> {
    const queue: CallQueue<Call, string> = new CallQueue<Call, string>(
      {
        ...{ guest: 'talking guest', port: 'wire', requestBytes },
        listen: () => (chunk) => [...chunk.toString()].forEach((letter) => queue.answer(letter)),
        encode: ({ what }) => (what === 'a hello' ? undefined : Buffer.from(what)),
        silence: ({ what }) => `, where the first is ${queue.first?.what === what ? 'this' : 'another'} one`,
        abandon: ({ what }) => void this.abandoned.push(what),
      },
      wire,
    );
    return queue;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pair of this.pairs) await pair[Symbol.asyncDispose]();
    expect(timersRunning()).to.be.at.most(0);
  }
}

/**
 * 1. Calls leave one after the other, in their order; one that nobody sends is not waited with, and those behind it still wait.
 * 2. One that is not answered in time makes room for the next; what was sent, and nothing else, is told to be abandoned.
 * 3. A move ends what the guest may have of a request, and sends what was sent, and that alone, again; the old wire may close.
 * 4. What goes wrong fails the call it was meant for, or the next; an end fails all, and a move heals that of a wire alone.
 */
describe('a queue of calls to a guest', () => {
  it('has one call on its way at a time', async () => {
    await using stage = new Stage();
    const { here, there, heard } = await stage.wire();
    const queue = stage.queueOn(here);
    const hello = queue.ask({ what: 'a hello' }, soon());
    const all = Promise.all(['x', 'y', 'z'].map((what) => queue.ask({ what }, soon())));
    there.write('h');
    expect(await hello).to.equal('h');
    for (const sent of ['x', 'xy', 'xyz']) {
      const what = sent.slice(-1);
      expect([await heard(sent.length), queue.first]).to.deep.equal([sent, { what }]);
      there.write(what.toUpperCase());
    }
    expect(await all).to.deep.equal(['X', 'Y', 'Z']);
    expect([queue.first, stage.abandoned]).to.deep.equal([undefined, []]);
  });

  it('goes on after what is not answered in time', async () => {
    await using stage = new Stage();
    const { here, there, heard } = await stage.wire();
    const queue = stage.queueOn(here);
    const [sent, behind, last] = [
      queue.ask({ what: 'x' }, Deadline.after(500)),
      queue.ask({ what: 'y' }, Deadline.after(20)),
      queue.ask({ what: 'z' }, soon()),
    ];
    expect((await failure(behind, GuestError)).message).to.match(
      /^the talking guest did not answer within \d+ ms when asked for y, where the first is another one$/,
    );
    expect((await failure(sent, GuestError)).message).to.match(
      /^the talking guest did not answer within \d+ ms when asked for x, where the first is this one$/,
    );
    expect([await heard(2), stage.abandoned]).to.deep.equal(['xz', ['x']]);
    there.write('Z');
    expect(await last).to.equal('Z');
  });

  it('sends again where the guest has moved what it has not answered', async () => {
    await using stage = new Stage();
    const [before, after] = [await stage.wire(), await stage.wire()];
    const queue = stage.queueOn(before.here);
    const both = Promise.all(['x', 'y'].map((what) => queue.ask({ what }, soon())));
    await before.heard(1);
    queue.moveTo(after.here);
    const closed = once(before.here, 'close');
    before.there.destroy();
    await closed;
    expect(await after.heard(requestBytes + 1)).to.equal(`${'\0'.repeat(requestBytes)}x`);
    after.there.write('X');
    await after.heard(requestBytes + 2);
    after.there.write('Y');
    expect(await both).to.deep.equal(['X', 'Y']);
    expect(stage.abandoned).to.deep.equal([]);
  });

  it('fails the call that something is wrong with, or the next', async () => {
    await using stage = new Stage();
    const { here, there } = await stage.wire();
    const queue = stage.queueOn(here);
    const [wrong, right] = [queue.ask({ what: 'x' }, soon()), queue.ask({ what: 'y' }, soon())];
    queue.fail(new GuestError('one'));
    expect((await failure(wrong, GuestError)).message).to.equal('one');
    there.write('Y');
    expect(await right).to.equal('Y');
    queue.fail(new GuestError('two'));
    expect((await failure(queue.ask({ what: 'z' }, soon()), GuestError)).message).to.equal('two');
    const good = queue.ask({ what: 'z' }, soon());
    there.write('Z');
    expect(await good).to.equal('Z');
    expect(stage.abandoned).to.deep.equal(['x']);
  });

  it('fails everybody when the wire closes, until the guest is on another', async () => {
    await using stage = new Stage();
    const { here, there, heard } = await stage.wire();
    const queue = stage.queueOn(here);
    const both = ['x', 'y'].map((what) => queue.ask({ what }, soon()));
    await heard(1);
    there.destroy();
    for (const asked of both)
      expect((await failure(asked, ConnectError)).message).to.equal('the wire of the talking guest was closed');
    await failure(queue.ask({ what: 'z' }, soon()), ConnectError);
    expect(stage.abandoned).to.deep.equal(['x']);

    // Nothing will be heard of a wire that is over when the guest comes to it.
    if (!here.closed) await once(here.destroy(), 'close');
    queue.moveTo(here);
    await failure(queue.ask({ what: 'z' }, soon()), ConnectError);

    const again = await stage.wire();
    queue.moveTo(again.here);
    const asked = queue.ask({ what: 'z' }, soon());
    again.there.write('Z');
    expect(await asked).to.equal('Z');
    queue.close();
    const refused = await failure(queue.ask({ what: 'z' }, soon()), ConnectError);
    expect(refused.message).to.equal('the wire of the talking guest is not listened to any more');
    expect(again.here.destroyed).to.equal(false);
  });

  it('stays ended when the guest itself is at its end', async () => {
    await using stage = new Stage();
    const { here } = await stage.wire();
    const queue = stage.queueOn(here);
    const asked = queue.ask({ what: 'x' }, soon());
    queue.end(new GuestError('over'));
    queue.end(new ConnectError('closed'));
    expect((await failure(asked, GuestError)).message).to.equal('over');
    queue.moveTo((await stage.wire()).here);
    expect((await failure(queue.ask({ what: 'y' }, soon()), GuestError)).message).to.equal('over');
  });
});
