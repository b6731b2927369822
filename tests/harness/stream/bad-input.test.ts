import { expect } from 'chai';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { after, before } from 'mocha';
import { splitWords } from '../../../harness/machine/words.js';
import { devicesOf, sectionsOf } from '../../../harness/stream/capture.js';
import { StreamError } from '../../../harness/stream/errors.js';
import { captureFile } from '../support/captured.js';
import { readBytes } from '../support/edited.js';
import { Launchpad } from '../support/launchpad.js';

/**
 * What is no whole stream ends with a StreamError that has an offset within it, and nothing else is ever thrown:
 * 1. a real capture that is cut anywhere
 * 2. a real capture with one byte flipped, at every byte that is no content of RAM, or with a stretch of it overwritten
 * 3. anything after the mark of a stream
 * 4. files of other kinds, and none
 */
describe('reading what is no stream', () => {
  let pad: Launchpad;
  let bytes: Buffer;
  /** Offsets of headers, footers, the configuration, RAM headers and the head of each device. */
  let telling: number[];
  before(async () => {
    pad = new Launchpad();
    const words = splitWords('-device virtio-balloon-pci,id=b');
    bytes = readFileSync(await captureFile(await pad.launch({ machineType: 'pc-q35-7.2', words })));
    const around = (at: number, before_: number, after_: number): number[] =>
      Array.from({ length: before_ + after_ }, (_, index) => at - before_ + index);
    const sections = sectionsOf(readBytes(bytes));
    telling = [
      ...around(0, 0, 200),
      ...sections.slice(3).flatMap(({ section }) => [...around(section.offset, 5, 40), ...around(section.end, 6, 1)]),
      ...around(sections.at(-1)?.section.end ?? 0, 5, 300),
    ];
  });
  after(() => pad[Symbol.asyncDispose]());

  /** Reads the stream and lays out its devices; a StreamError is an answer too, if its offset is within the stream. */
  function readAll(stream: Buffer): StreamError | undefined {
    try {
      devicesOf(readBytes(stream));
      return undefined;
    } catch (thrown) {
      if (!(thrown instanceof StreamError)) throw thrown;
      expect(thrown.offset).to.be.within(0, stream.length);
      expect(thrown.message).to.match(/^offset \d+ \(0x[\da-f]+\): .*(?:expected|ends|beyond)/);
      return thrown;
    }
  }

  it('tells where a stream was cut', () => {
    const description = sectionsOf(readBytes(bytes)).at(-1)?.section.end ?? 0;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), (length) => {
        const error = readAll(bytes.subarray(0, length));
        // The description may be missing whole: that is a stream without one.
        if (length === description + 1) expect(error).to.equal(undefined);
        else expect(error?.message, `cut at ${length}`).to.include('ends');
      }),
      { numRuns: 300, examples: [[0], [4], [9], [30], [description], [description + 1], [description + 3]] },
    );
  });

  it('bears any flipped byte', function () {
    this.timeout(120_000);
    const start = performance.now();
    for (const at of telling) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      readAll(flipped);
    }
    expect(performance.now() - start).to.be.below(100_000);
  });

  it('bears stretches of anything', () => {
    const stretch = fc.uint8Array({ minLength: 1, maxLength: 64 });
    fc.assert(
      fc.property(fc.nat(telling.length - 1), stretch, (index, garbage) => {
        const spoilt = Buffer.from(bytes);
        spoilt.set(
          garbage.subarray(0, Math.min(garbage.length, spoilt.length - (telling[index] ?? 0))),
          telling[index],
        );
        readAll(spoilt);
      }),
      // A line feed in the name of a RAM block.
      { numRuns: 300, examples: [[76, Uint8Array.from([0, 0, 0, 10, 0, 0, 0, 0, 1])]] },
    );
  });

  it('bears anything after the mark', () => {
    const mark = Buffer.from('5145564d00000003', 'hex');
    const type = fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, 0x7e);
    const item = fc.tuple(type, fc.uint8Array({ maxLength: 40 })).map(([first, rest]) => Buffer.from([first, ...rest]));
    // A RAM section, into whose body the rest goes.
    const ram = Buffer.from('01000000020372616d0000000000000004', 'hex');
    fc.assert(
      fc.property(fc.boolean(), fc.array(item, { maxLength: 8 }), (inRam, items) => {
        readAll(Buffer.concat([mark, ...(inRam ? [ram] : []), ...items]));
      }),
      { numRuns: 2000 },
    );
  });

  it('says what it found instead', () => {
    const message = (stream: Buffer): string => readAll(stream)?.message ?? 'no error';
    expect(message(Buffer.alloc(0))).to.equal(
      "offset 0 (0x0): the stream ends where the mark of a migration stream, 'QEVM', was expected",
    );
    expect(message(Buffer.from('\u007fELF something'))).to.match(
      /^offset 0 .*'QEVM' \(0x5145564d\) was expected.*0x7f454c46/,
    );
    expect(message(Buffer.from('5145564d00000002', 'hex'))).to.equal(
      'offset 4 (0x4): version 3 of the stream was expected, and this is 2',
    );
    expect(message(Buffer.from('5145564d0000000355', 'hex'))).to.match(/^offset 8 .*the byte 0x55 begins none of them/);
    expect(message(Buffer.from('5145564d000000030200000007', 'hex'))).to.match(/^offset 8 .*section 7 never began/);
    expect(message(Buffer.from('5145564d000000030800ff', 'hex'))).to.match(/^offset 8 .*no.* number 255/);
  });
});
