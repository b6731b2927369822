import { expect } from 'chai';
import { Deadline } from '../../../../harness/core/deadline.js';
import { Watch } from '../../../../harness/core/watch.js';
import { encodeFrame, type Frame, frameBytes, takeFrame } from '../../../../harness/guest/rtas/frame.js';
import type { Machine } from '../../../../harness/machine/machine.js';
import { Launchpad } from '../../support/launchpad.js';
import { launchRtas } from './stage.js';

/** ibm,change-msi for 00:00.0, and what it is to leave in the four results behind nine words. */
const token = 0x2019;
const request = (fn: number, count: number): number[] => [token, 6, 4, 0, 0x08000000, 0x20000000, fn, count, 1];

/**
 * What goes over the terminal of the guest itself:
 * 1. the address of a device tree in its hello;
 * 2. an answer for every whole frame, behind garbage, behind half a frame that zeroes end, and for several at once;
 * 3. the same answer again for the same sequence, without another call.
 */
describe('the terminal of the RTAS guest', function () {
  this.timeout(30_000);

  it('carries each frame once', async () => {
    await using pad = new Launchpad();
    const machine = await launchRtas(pad);
    const { wire, frames } = listen(machine);
    const answer = (sequence: number): Promise<Frame> =>
      frames.until({
        what: `the answer ${sequence}`,
        goal: (frame) => (frame.sequence === sequence ? frame : undefined),
        deadline: Deadline.after(10_000),
      });
    const hello = answer(0);
    await machine.qmp.execute('cont');
    const [at = 0] = (await hello).words;
    expect((await machine.qtest.readBlock(at, 4)).toString('hex')).to.equal('d00dfeed');

    const frame = (sequence: number, words: readonly number[]): Buffer => encodeFrame({ sequence, words, status: 0 });
    const first = answer(1);
    wire.write(Buffer.concat([Buffer.from('no frame'), frame(1, request(1, 1))]));
    expect((await first).words.slice(9, 13)).to.deep.equal([0, 1, 2, 2]);
    const second = answer(2);
    wire.write(
      Buffer.concat([frame(9, request(1, 3)).subarray(0, 50), Buffer.alloc(frameBytes), frame(2, request(4, 3))]),
    );
    expect((await second).words.slice(9, 13)).to.deep.equal([0, 3, 2, 2]);

    // Were it carried out, it would be refused: -3.
    const again = answer(2);
    wire.write(frame(2, request(3, 1)));
    expect((await again).words.slice(9, 13)).to.deep.equal([0, 3, 2, 2]);

    const last = [answer(3), answer(4), answer(5)];
    wire.write(Buffer.concat([frame(3, request(3, 1)), frame(4, request(1, 0)), frame(5, [0x2fff, 0, 1])]));
    const [refused, released, unknown] = await Promise.all(last);
    expect(refused?.words[9]).to.equal(0xfffffffd);
    expect(released?.words.slice(9, 11)).to.deep.equal([0, 0]);
    expect(unknown?.status).to.equal(-4);
  });
});

function listen({ serials: [wire] }: Machine): { wire: NonNullable<typeof wire>; frames: Watch<Frame> } {
  if (!wire) throw new Error('the machine has no serial port');
  const frames = new Watch<Frame>((frame) => JSON.stringify(frame));
  let rest = Buffer.alloc(0);
  wire.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let taken = takeFrame(rest); taken.frame; taken = takeFrame(rest)) {
      rest = rest.subarray(taken.used);
      frames.publish(taken.frame);
    }
  });
  return { wire, frames };
}
