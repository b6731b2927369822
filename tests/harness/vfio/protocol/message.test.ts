import { expect } from 'chai';
import fc from 'fast-check';
import { ProtocolError } from '../../../../harness/core/errors.js';
import {
  encodeMessage,
  longestMessage,
  type Message,
  MessageSplitter,
} from '../../../../harness/vfio/protocol/message.js';
import { regionAccess } from '../../../../harness/vfio/protocol/payloads.js';
import { showMessage } from '../../../../harness/vfio/protocol/show.js';
import { decodeVersion, encodeVersion } from '../../../../harness/vfio/protocol/version.js';

const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffffffff);
const message: fc.Arbitrary<Message> = fc.record({
  id: u16,
  command: u16,
  flags: u32,
  error: u32,
  payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});

function split(chunks: readonly Buffer[]): { messages: Message[]; splitter: MessageSplitter } {
  const messages: Message[] = [];
  const splitter = new MessageSplitter((one) => messages.push(one));
  for (const chunk of chunks) splitter.push(chunk);
  return { messages, splitter };
}

/**
 * Messages of vfio-user:
 * 1. any messages, in whatever pieces they come, are read as they were written
 * 2. what is missing from an unfinished one is known
 * 3. a header that announces too little or too much is refused before anything is kept for it
 * 4. numbers of a payload go and come, and one that is too short or too long is refused
 * 5. the version with its JSON: what is none, or has no NUL, is refused
 * 6. the write of seed 003 is shown byte by byte as the bug report's facts have it
 */
describe('vfio-user messages', () => {
  it('reads what was written, in any pieces', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 40 })), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(encodeMessage));
        const chunks: Buffer[] = [];
        let at = 0;
        for (const cut of cuts) {
          chunks.push(bytes.subarray(at, at + cut));
          at += cut;
        }
        chunks.push(bytes.subarray(at));
        const { messages, splitter } = split(chunks);
        expect(messages).to.deep.equal(sent);
        expect(splitter.unfinished).to.equal(undefined);
      }),
    );
  });

  it('knows what is missing', () => {
    const whole = encodeMessage({ id: 1, command: 4, flags: 0, error: 0, payload: Buffer.alloc(16) });
    expect(split([whole.subarray(0, 5)]).splitter.unfinished).to.deep.equal({ held: 5, wanted: 16 });
    expect(split([whole.subarray(0, 20)]).splitter.unfinished).to.deep.equal({ held: 20, wanted: 32 });
  });

  it('refuses a header that announces too little or too much', () => {
    for (const size of [0, 15, longestMessage + 1, 0xffffffff]) {
      const bytes = encodeMessage({ id: 1, command: 4, flags: 0, error: 0, payload: Buffer.alloc(0) });
      bytes.writeUInt32LE(size, 4);
      expect(() => split([bytes])).to.throw(ProtocolError, `announces ${size} bytes`);
    }
  });

  it('takes a payload apart', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 64n) - 1n), u32, fc.uint8Array({ maxLength: 20 }), (offset, region, bytes) => {
        const values = { offset, region, count: bytes.length };
        const read = regionAccess.decode(regionAccess.encode(values, bytes));
        expect(read.values).to.deep.equal(values);
        expect([...read.data]).to.deep.equal([...bytes]);
      }),
    );
    expect(() => regionAccess.decode(Buffer.alloc(15))).to.throw(ProtocolError, 'takes 16 bytes, and 15 came');
    expect(() => regionAccess.decodeWhole(Buffer.alloc(17))).to.throw(ProtocolError, 'takes 16 bytes, and 17 came');
  });

  it('reads a version', () => {
    const version = { major: 0, minor: 1, capabilities: { max_data_xfer_size: 4096, pgsizes: 4096 } };
    expect(decodeVersion(encodeVersion(version))).to.deep.equal(version);
    const numbers = Buffer.alloc(4);
    expect(decodeVersion(numbers)).to.deep.equal({ major: 0, minor: 0, capabilities: {} });
    const wrong = (json: string): Buffer => Buffer.concat([numbers, Buffer.from(json)]);
    expect(() => decodeVersion(wrong('{}'))).to.throw(ProtocolError, 'do not end with their only NUL');
    expect(() => decodeVersion(wrong('{"capab\0'))).to.throw(ProtocolError, 'are no JSON');
    expect(() => decodeVersion(wrong('{"capabilities":{"max_data_xfer_size":-1}}\0'))).to.throw(
      ProtocolError,
      'wrong capabilities.max_data_xfer_size',
    );
  });

  it('shows the write of seed 003', () => {
    const payload = regionAccess.encode({ offset: 0x87n, region: 7, count: 2 }, Buffer.from([0x80, 0x00]));
    const bytes = encodeMessage({ id: 6, command: 10, flags: 0, error: 0, payload });
    expect(showMessage(bytes)).to.equal(
      '06 00 0a 00 22 00 00 00 00 00 00 00 00 00 00 00 | 87 00 00 00 00 00 00 00 07 00 00 00 02 00 00 00 | 80 00',
    );
  });
});
