import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect } from 'chai';
import { Deadline } from '../../../../harness/core/deadline.js';
import { GuestError } from '../../../../harness/core/errors.js';
import { encodeFrame, frameBytes, helloSequence, takeFrame } from '../../../../harness/guest/rtas/frame.js';
import { RtasPort } from '../../../../harness/guest/rtas/port.js';
import { failure, timersRunning } from '../../support/failure.js';
import { SocketPair } from '../../support/peer.js';

const soon = (): Deadline => Deadline.after(5000);
const frame = (sequence: number, word: number): Buffer => encodeFrame({ sequence, words: [word], status: 0 });

/**
 * A guest that does what no real one does on demand; the order of calls is tested in call-queue.test.ts:
 * 1. Garbage, answers that come twice and those to nobody are passed over; garbage is shown when nothing else comes.
 * 2. After a move what the old terminal says counts for nothing, not even as the beginning of an answer.
 * 3. A second hello ends it.
 */
describe('the port of an RTAS guest', () => {
  let pairs: SocketPair[];

  beforeEach(() => {
    pairs = [];
  });

  afterEach(async () => {
    for (const pair of pairs) await pair[Symbol.asyncDispose]();
    expect(timersRunning()).to.be.at.most(0);
  });

  const open = async (): Promise<{ here: Socket; there: Socket }> => {
    const pair = await SocketPair.open();
    pairs.push(pair);
    return { here: pair.here, there: pair.there };
  };

  it('passes over what is no answer', async () => {
    const { here, there } = await open();
    const port = new RtasPort(here);
    const hello = port.hello(soon());
    there.write(Buffer.concat([Buffer.from('SLOF'), frame(helloSequence, 0x1000)]));
    expect((await hello).words[0]).to.equal(0x1000);
    const first = port.call('one', [7], soon());
    there.write(Buffer.concat([frame(9, 0xbad), frame(1, 1)]));
    expect((await first).words[0]).to.equal(1);
    const second = port.call('two', [8], soon());
    there.write(Buffer.concat([frame(1, 1), frame(2, 2)]));
    expect((await second).words[0]).to.equal(2);

    const unanswered = port.call('three', [9], Deadline.after(500));
    there.write(Buffer.from('garbage'));
    expect((await failure(unanswered, GuestError)).message).to.match(
      /^the RTAS guest did not answer within \d+ ms when asked for three; last heard: 67617262616765$/,
    );
  });

  it('hears nothing more where the guest has been', async () => {
    const [before, after] = [await open(), await open()];
    const port = new RtasPort(before.here);
    const asked = port.call('one', [7], soon());
    before.there.write(frame(1, 0xbad).subarray(0, 30));
    await once(before.here, 'data');
    port.moveTo(after.here);
    before.there.write(frame(1, 0xbad));
    await once(before.here, 'data');
    let sent = Buffer.alloc(0);
    while (sent.length < 2 * frameBytes)
      sent = Buffer.concat([sent, ...((await once(after.there, 'data')) as Buffer[])]);
    expect(sent.subarray(0, frameBytes).equals(Buffer.alloc(frameBytes))).to.equal(true);
    expect(takeFrame(sent).frame).to.deep.include({ sequence: 1 });
    after.there.write(Buffer.concat([frame(1, 0xbad).subarray(30), frame(1, 1)]));
    expect((await asked).words[0]).to.equal(1);
  });

  it('takes one hello', async () => {
    const { here, there } = await open();
    const port = new RtasPort(here);
    const asked = port.call('one', [7], soon());
    there.write(frame(helloSequence, 0x1000));
    expect((await failure(asked, GuestError)).message).to.equal(
      'the RTAS guest has started anew: its machine was reset',
    );
  });
});
