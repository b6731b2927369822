import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { execa } from 'execa';
import { guestKernel } from '../../../../../harness/build/deb/guest-kernel.js';
import { Deadline } from '../../../../../harness/core/deadline.js';
import { kernelArchitecture } from '../../../../../harness/guest/linux/image/kernel-architecture.js';
import { PrivateFolder } from '../../../../../harness/machine/private-folder.js';

/** The first bytes of an ELF file: its identification, its type, its machine. */
function elf(machine: number, { bits = 64, isBig = false } = {}): Buffer {
  const head = Buffer.alloc(64);
  head.set([0x7f, 0x45, 0x4c, 0x46, bits / 32, isBig ? 2 : 1, 1]);
  if (isBig) head.writeUInt16BE(machine, 18);
  else head.writeUInt16LE(machine, 18);
  return head;
}

/**
 * 1. Debian's kernels, packed with gzip or not, are told by their own headers, and ELF files by theirs in either order of bytes.
 * 2. Nothing is said of what is no kernel, of 32-bit files, and of what cannot be read.
 */
describe('the architecture of a kernel', () => {
  let folder: PrivateFolder;
  before(() => (folder = PrivateFolder.create()));
  after(() => folder[Symbol.dispose]());

  const told = (content: Buffer | string): string | undefined => {
    const path = join(folder.path, 'kernel');
    writeFileSync(path, content);
    return kernelArchitecture(path);
  };

  for (const arch of ['x86_64', 'aarch64'])
    it(`is told of Debian's for ${arch}`, async function () {
      this.timeout(600_000);
      const { kernel } = await guestKernel('deb:bookworm', { arch, fetch: true, deadline: Deadline.after(600_000) });
      expect(kernelArchitecture(kernel)).to.equal(arch);
      const packed = gzipSync(readFileSync(kernel), { level: 1 });
      expect(packed.length).to.be.above(1_000_000);
      expect(told(packed)).to.equal(arch);
    });

  it('is told of ELF files', () => {
    const files = [
      elf(62),
      elf(183),
      elf(183, { isBig: true }),
      elf(21),
      elf(21, { isBig: true }),
      elf(22, { isBig: true }),
    ];
    expect(files.map(told)).to.deep.equal(['x86_64', 'aarch64', 'aarch64', 'ppc64', 'ppc64', 's390x']);
    expect(told(gzipSync(elf(183)))).to.equal('aarch64');
  });

  it('is not told of anything else', async () => {
    const contents = ['', 'this is no kernel\n'.repeat(1000), elf(3, { bits: 32 }), elf(183, { bits: 32 }), elf(999)];
    const cut = [elf(62).subarray(0, 19), Buffer.from([0x1f, 0x8b]), gzipSync('no kernel')];
    for (const content of [...contents, ...cut]) expect(told(content)).to.equal(undefined);
    // Nobody writes into that pipe: whoever opened it would wait for ever.
    const pipe = join(folder.path, 'pipe');
    await execa('sh', ['-c', 'mkfifo "$0"', pipe]);
    for (const path of [folder.path, join(folder.path, 'nothing'), pipe])
      expect(kernelArchitecture(path)).to.equal(undefined);
  });
});
