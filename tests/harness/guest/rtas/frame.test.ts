import { expect } from 'chai';
import fc from 'fast-check';
import { bufferWords, encodeFrame, frameBytes, takeFrame } from '../../../../harness/guest/rtas/frame.js';

const frame = fc.record({
  sequence: fc.nat(0xffffffff),
  words: fc.array(fc.nat(0xffffffff), { minLength: bufferWords, maxLength: bufferWords }),
  status: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
});

/**
 * 1. A frame is found behind any garbage that holds none, and what follows it stays.
 * 2. A frame that lacks bytes is not found yet, and none of it is passed over.
 * 3. One wrong bit anywhere, and it is no frame; zeroes are none.
 */
describe('frames of the RTAS guest', () => {
  it('are found behind garbage', () => {
    fc.assert(
      fc.property(frame, fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 20 }), (sent, before, after) => {
        const bytes = Buffer.concat([before, encodeFrame(sent), after]);
        expect(takeFrame(bytes)).to.deep.equal({ frame: sent, used: before.length + frameBytes });
      }),
    );
  });

  it('are awaited to their end', () => {
    fc.assert(
      fc.property(frame, fc.integer({ min: 0, max: frameBytes - 1 }), (sent, length) => {
        expect(takeFrame(encodeFrame(sent).subarray(0, length))).to.deep.equal({ used: 0 });
      }),
    );
  });

  it('are whole or none', () => {
    fc.assert(
      fc.property(frame, fc.nat(frameBytes * 8 - 1), (sent, bit) => {
        const bytes = encodeFrame(sent);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(takeFrame(bytes).frame).to.equal(undefined);
      }),
    );
    expect(takeFrame(Buffer.alloc(frameBytes))).to.deep.equal({ used: 1 });
  });
});
