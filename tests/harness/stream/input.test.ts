import { expect } from 'chai';
import { appendFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'mocha';
import { PrivateFolder } from '../../../harness/machine/private-folder.js';
import type { Reading, StreamBytes } from '../../../harness/stream/bytes.js';
import { StreamError } from '../../../harness/stream/errors.js';
import { readCapture, sectionsOf } from '../../../harness/stream/capture.js';
import { readStreamFile, StreamFeed } from '../../../harness/stream/input.js';

/**
 * Files that change while they are read:
 * 1. What a file grows by is read, and passed over, like the rest.
 * 2. A file that is cut short while it is passed over ends there, and does not count as read.
 * 3. A stream of any length takes the same memory.
 */
describe('reading a file', () => {
  let folder: PrivateFolder;
  before(() => void (folder = PrivateFolder.create()));
  after(() => folder[Symbol.dispose]());

  it('reads on in a file that grows', () => {
    const path = join(folder.path, 'growing');
    const piece = 3 << 20;
    writeFileSync(path, Buffer.alloc(piece, 1));
    const task = function* (bytes: StreamBytes): Reading<number> {
      yield* bytes.skip(piece - 1, 'the first piece');
      appendFileSync(path, Buffer.alloc(piece, 2));
      yield* bytes.skip(piece, 'the second piece');
      appendFileSync(path, Buffer.from([3]));
      yield* bytes.skip(1, 'the rest of it');
      return yield* bytes.u8('the third piece');
    };
    expect(readStreamFile(path, task)).to.equal(3);
  });

  it('ends where a file was cut short', () => {
    const path = join(folder.path, 'shrinking');
    writeFileSync(path, Buffer.alloc(4 << 20, 1));
    const task = function* (bytes: StreamBytes): Reading<void> {
      yield* bytes.u8('the first byte');
      truncateSync(path, 2 << 20);
      yield* bytes.skip((4 << 20) - 1, 'the rest');
    };
    expect(() => readStreamFile(path, task))
      .to.throw(StreamError)
      .with.property('offset', 2 << 20);
  });

  it('needs no more memory for a longer stream', () => {
    const head = Buffer.from('5145564d00000003' + '0100000002' + '0372616d' + '00000000' + '00000004', 'hex');
    const page = Buffer.concat([
      Buffer.from('0000000000000008', 'hex'),
      Buffer.from([1, 0x61]),
      Buffer.alloc(4096, 0x5a),
    ]);
    const pages = Buffer.concat(Array.from({ length: 256 }, () => page));
    const feed = new StreamFeed((bytes) => readCapture(bytes));
    feed.push(head);
    feed.push(pages);
    const before = process.memoryUsage().arrayBuffers;
    // 512 MiB, of which nothing may stay.
    for (let piece = 0; piece < 512; piece += 1) feed.push(pages);
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(8 << 20);
    feed.push(Buffer.from('0000000000000010' + '7e00000002' + '00', 'hex'));
    expect(sectionsOf(feed.end())[0]?.section.content?.counts).to.deep.equal({ rawPages: 513 * 256 });
  });
});
