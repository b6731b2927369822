import { expect } from 'chai';
import fc from 'fast-check';
import {
  checksumOf,
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  requestBytes,
} from '../../../../harness/guest/payload/protocol.js';

const seed = Date.now() % 1_000_000;
const byte = fc.integer({ min: 0, max: 0xff });
const opcode = fc.integer({ min: 1, max: 0xff });
const quadword = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const request = fc.record({ opcode, sequence: byte, arguments: fc.tuple(quadword, quadword) });
const answer = fc.record({ opcode: byte, sequence: byte, value: quadword });

const change = fc.record({ at: fc.nat(), difference: fc.integer({ min: 1, max: 0xff }) });

/**
 * 1. What is sent is read again; what is changed in one byte, or cut and filled up with zeroes, is nothing.
 * 2. The checksum of memory knows the order of its words.
 */
describe(`frames of the payload guest (seed ${seed})`, () => {
  it('are read as they were sent', () => {
    fc.assert(
      fc.property(request, answer, (asked, answered) => {
        expect(decodeRequest(encodeRequest(asked))).to.deep.equal(asked);
        expect(decodeAnswer(encodeAnswer(answered))).to.deep.equal(answered);
      }),
      { seed },
    );
  });

  it('are nothing when a byte of them is another one', () => {
    fc.assert(
      fc.property(request, answer, change, (asked, answered, { at, difference }) => {
        const frames = [encodeRequest(asked), encodeAnswer(answered)];
        for (const frame of frames) frame[at % frame.length] = (frame[at % frame.length] ?? 0) ^ difference;
        const [left = Buffer.alloc(0), right = Buffer.alloc(0)] = frames;
        // 0 and 0xff have one checksum.
        if (difference !== 0xff)
          expect([decodeRequest(left), decodeAnswer(right)]).to.deep.equal([undefined, undefined]);
      }),
      { seed },
    );
  });

  it('are nothing when their end was lost and zeroes came', () => {
    fc.assert(
      fc.property(request, fc.integer({ min: 0, max: requestBytes - 1 }), (asked, kept) => {
        expect(decodeRequest(encodeRequest(asked).fill(0, kept))).to.equal(undefined);
      }),
      { seed },
    );
    const balanced = encodeRequest({ opcode: 5, sequence: 5, arguments: [0n, 0n] });
    expect(decodeRequest(balanced.fill(0, requestBytes - 1))).to.equal(undefined);
    expect(decodeRequest(Buffer.alloc(requestBytes - 1))).to.equal(undefined);
  });

  it('has a checksum of memory that knows words and their order', () => {
    expect(checksumOf(Buffer.from('0100000002000000ffffffff', 'hex'))).to.equal(0x0000_0006_0000_0002n);
    expect(checksumOf(Buffer.from('0200000001000000ffffffff', 'hex'))).to.equal(0x0000_0007_0000_0002n);
  });
});
