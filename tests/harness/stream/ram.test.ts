import { expect } from 'chai';
import { join } from 'node:path';
import type { Machine } from '../../../harness/machine/machine.js';
import { splitWords } from '../../../harness/machine/words.js';
import { type Capture, sectionsOf } from '../../../harness/stream/capture.js';
import { captured, contentsOf } from '../support/captured.js';
import { Launchpad } from '../support/launchpad.js';

const mebibyte = 1 << 20;
const pages = (count: number): number => (count * mebibyte) / 4096;

/**
 * RAM as real sources encode it:
 * 1. compressed pages (QEMU up to 8.2)
 * 2. xbzrle: pages that are written again while the migration goes on
 * 3. mapped-ram: pages at fixed places of the file, of which the bitmap tells the number
 * 4. x-ignore-shared: the block is announced with its address, its pages stay
 */
describe('RAM in a stream', () => {
  it('is compressed', async () => {
    await using pad = new Launchpad();
    const source = await pad.launch({ machineType: 'pc-q35-6.0' });
    await source.qtest.command(`memset 0x100000 ${4 * mebibyte} 0x5a`);
    const counts = ramCounts(await captured(source, { capabilities: { compress: true } }));
    // The first page of a block may go uncompressed.
    expect(counts['compressedPages']).to.be.within(pages(4), pages(4) + 100);
    expect(counts['rawPages'] ?? 0).to.be.below(10);
  });

  it('is sent again as what changed', async () => {
    await using pad = new Launchpad();
    const source = await pad.launch({ build: 'trixie', machineType: 'pc-q35-6.0' });
    await source.qtest.command(`memset 0x100000 ${4 * mebibyte} 0x5a`);
    const capture = await captured(source, {
      capabilities: { xbzrle: true },
      parameters: { 'xbzrle-cache-size': 16 * mebibyte, 'max-bandwidth': 4 * mebibyte, 'downtime-limit': 1 },
      meanwhile: dirtying(source),
    });
    const counts = ramCounts(capture);
    expect(counts['xbzrlePages']).to.be.above(0);
    expect(counts['rawPages']).to.be.at.least(pages(4));
  });

  it('stands at its place in a mapped file', async () => {
    await using pad = new Launchpad();
    const source = await pad.launch({ build: 'trixie', machineType: 'pc-q35-8.0' });
    await source.qtest.command(`memset 0x100000 ${4 * mebibyte} 0x5a`);
    const capture = await captured(source, { capabilities: { 'mapped-ram': true }, channel: 'file' });
    expect(capture.configuration.capabilities).to.deep.equal(['mapped-ram']);
    const ram = capture.blocks.find(({ name }) => name === 'pc.ram');
    expect(ram?.mapped?.pagesPresent).to.equal(pages(4));
    expect(ram?.mapped?.pagesOffset).to.equal(mebibyte);
    expect(sectionsOf(capture).at(-1)?.section.name).to.equal('globalstate');
  });

  it('stays where it is shared', async () => {
    await using pad = new Launchpad();
    const shared = `-object memory-backend-file,id=ram0,size=16M,share=on,mem-path=${join(pad.folder, 'ram')}`;
    const source = await pad.launch({ machineType: 'pc-q35-6.0,memory-backend=ram0', words: splitWords(shared) });
    await source.qtest.command(`memset 0x100000 ${4 * mebibyte} 0x5a`);
    const capture = await captured(source, { capabilities: { 'x-ignore-shared': true } });
    expect(capture.configuration.capabilities).to.deep.equal(['x-ignore-shared']);
    expect(capture.blocks[0]).to.deep.equal({ name: 'ram0', bytes: 16 * mebibyte, address: 0 });
    expect(ramCounts(capture)['rawPages']).to.be.below(pages(4));
  });
});

function ramCounts(capture: Capture): Record<string, number> {
  return contentsOf(capture, 'ram').counts;
}

/** Writes some pages again and again; lets the migration end once they were sent three times. */
function dirtying(source: Machine): () => Promise<void> {
  let round = 0;
  return async () => {
    round += 1;
    // Many at once: whenever QEMU looks, some were written since it looked last.
    const writes = Array.from({ length: 512 }, (_, page) =>
      source.qtest.command(`writeb ${0x100000 + page * 4096 + (round % 4000)} ${round % 256}`),
    );
    await Promise.all(writes);
    const { ram } = await source.qmp.execute('query-migrate');
    if ((ram?.['dirty-sync-count'] ?? 0) < 4) return;
    await source.qmp.execute<string>('migrate-set-parameters', {
      'max-bandwidth': 1024 * mebibyte,
      'downtime-limit': 2000,
    });
  };
}
