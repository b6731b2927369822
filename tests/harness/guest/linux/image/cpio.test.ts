import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import fc from 'fast-check';
import { guestKernel } from '../../../../../harness/build/deb/guest-kernel.js';
import { Deadline } from '../../../../../harness/core/deadline.js';
import { cpioArchive, type CpioEntry } from '../../../../../harness/guest/linux/image/cpio.js';

interface Member {
  path: string;
  mode: number;
  mtime: number;
  links: number;
  device: [number, number];
  content: string;
}

/** Reads an archive as the kernel's init/initramfs.c does, and fails where it would. */
function members(archive: Buffer): Member[] {
  const found: Member[] = [];
  for (let at = 0; ;) {
    expect(at % 4, 'alignment of a header').to.equal(0);
    expect(archive.toString('latin1', at, at + 6)).to.equal('070701');
    const fields = Array.from({ length: 13 }, (_, index) =>
      parseInt(archive.toString('latin1', at + 6 + 8 * index, at + 14 + 8 * index), 16),
    );
    const [, mode = 0, , , links = 0, mtime = 0, size = 0, , , major = 0, minor = 0, nameSize = 0] = fields;
    const nameAt = at + 110;
    const path = archive.toString('utf8', nameAt, nameAt + nameSize - 1);
    expect(archive[nameAt + nameSize - 1]).to.equal(0);
    const contentAt = (nameAt + nameSize + 3) & ~3;
    if (path === 'TRAILER!!!') {
      expect(archive.length).to.equal(contentAt);
      return found;
    }
    const content = archive.toString('latin1', contentAt, contentAt + size);
    found.push({ path, mode, mtime, links, device: [major, minor], content });
    at = (contentAt + size + 3) & ~3;
  }
}

const path = fc.stringMatching(/^[a-z]{1,9}$/);
const entry: fc.Arbitrary<CpioEntry> = fc.oneof(
  fc.record({ path, kind: fc.constant('folder' as const) }),
  fc.record({
    path,
    kind: fc.constant('file' as const),
    content: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    mode: fc.integer({ min: 0, max: 0o777 }),
  }),
  fc.record({ path, kind: fc.constant('link' as const), target: path }),
  fc.record({ path, kind: fc.constant('character' as const), major: fc.nat(255), minor: fc.nat(255) }),
);
const entries = fc.uniqueArray(entry, { selector: (one) => one.path, maxLength: 12 });

/**
 * 1. Whatever goes into an archive comes out of it, sorted, without a time, every header and content on a multiple of four bytes.
 * 2. The order in which entries are given makes no difference.
 * 3. Another program lists the same.
 */
describe('a cpio archive', () => {
  it('holds what it was given', () => {
    fc.assert(
      fc.property(entries, (given) => {
        const sorted = [...given].sort((a, b) => (a.path < b.path ? -1 : 1));
        expect(members(cpioArchive(given))).to.deep.equal(
          sorted.map((one) => ({
            path: one.path,
            mode:
              one.kind === 'file'
                ? 0o100000 | (one.mode ?? 0)
                : { folder: 0o040755, link: 0o120777, character: 0o020600 }[one.kind],
            mtime: 0,
            links: one.kind === 'folder' ? 2 : 1,
            device: one.kind === 'character' ? [one.major, one.minor] : [0, 0],
            content: one.kind === 'file' ? one.content.toString('latin1') : one.kind === 'link' ? one.target : '',
          })),
        );
      }),
    );
  });

  it('is the same bytes in whatever order its entries come', () => {
    fc.assert(fc.property(entries, (given) => cpioArchive([...given].reverse()).equals(cpioArchive(given))));
  });

  it('is what the cpio of busybox reads', async function () {
    if (process.arch !== 'x64') return this.skip();
    const options = { arch: 'x86_64', fetch: true, deadline: Deadline.after(50_000) };
    const { busybox } = await guestKernel('deb:bookworm', options);
    const archive = cpioArchive([
      { path: 'bin', kind: 'folder' },
      { path: 'bin/a', kind: 'file', content: Buffer.from('abc') },
    ]);
    const { stdout, status } = spawnSync(busybox, ['cpio', '-t'], { input: archive, encoding: 'utf8' });
    expect({ stdout, status }).to.deep.equal({ stdout: 'bin\nbin/a\n', status: 0 });
  });
});
