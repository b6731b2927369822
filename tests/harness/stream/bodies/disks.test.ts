import { expect } from 'chai';
import { randomFillSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../../../../harness/machine/machine.js';
import { splitWords } from '../../../../harness/machine/words.js';
import { captured, contentsOf } from '../../support/captured.js';
import { Launchpad } from '../../support/launchpad.js';

const mebibyte = 1 << 20;

/**
 * 1. Disks that travel with the guest, as a real source sends them: filled blocks, empty ones, and the names of the disks.
 * 2. Dirty bitmaps of a real source: which ones, and how much of them is set.
 */
describe('sections of disks', () => {
  it('holds the blocks of a disk', async () => {
    await using pad = new Launchpad();
    const disk = Buffer.alloc(5 * mebibyte);
    randomFillSync(disk, mebibyte, 2 * mebibyte);
    writeFileSync(join(pad.folder, 'disk'), disk);
    const words = splitWords(
      `-drive if=none,id=drive7,format=raw,file=${join(pad.folder, 'disk')} -device virtio-blk-pci,drive=drive7`,
    );
    const source = await pad.launch({ machineType: 'pc-q35-6.0', words });
    const capture = await captured(source, { capabilities: { block: true, 'zero-blocks': true } });
    const content = contentsOf(capture, 'block');
    expect(content.counts).to.deep.equal({ blocks: 2, zeroBlocks: 3 });
    expect(content.marks?.map(({ name }) => name)).to.deep.equal(['drive7']);
  });

  for (const build of ['bookworm', 'trixie'] as const) {
    it(`holds the dirty bitmaps of a disk of ${build}`, async () => {
      await using pad = new Launchpad();
      writeFileSync(join(pad.folder, 'disk'), Buffer.alloc(4 * mebibyte));
      const drive = `if=none,id=drive7,node-name=node7,format=raw,file=${join(pad.folder, 'disk')}`;
      const words = splitWords(`-drive ${drive} -device virtio-blk-pci,drive=drive7`);
      const source = await pad.launch({ build, machineType: 'pc-q35-6.0', words });
      for (const name of ['even', 'odd'])
        await source.qmp.execute('block-dirty-bitmap-add', { node: 'node7', name, granularity: 512 });
      await write(source, 'qemu-io drive7 "write 1M 64k"');
      const capture = await captured(source, { capabilities: { 'dirty-bitmaps': true } });
      const { counts, marks } = contentsOf(capture, 'dirty-bitmap');
      // 4 MiB in units of 512 bytes are 8192 bits: one chunk of 1 KiB for each bitmap.
      expect(counts).to.deep.equal({ bitmaps: 2, chunks: 2, bitBytes: 2048, completed: 2 });
      expect(marks?.map(({ name }) => name)).to.have.members(['drive7/even', 'drive7/odd']);
    });
  }
});

async function write(machine: Machine, line: string): Promise<void> {
  const said = await machine.qmp.execute('human-monitor-command', { 'command-line': line });
  expect(said).to.match(/wrote|^$/);
}
