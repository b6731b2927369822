import { expect } from 'chai';
import { join } from 'node:path';
import type { Machine } from '../../../harness/machine/machine.js';
import { splitWords } from '../../../harness/machine/words.js';
import { type Capture, sectionsOf } from '../../../harness/stream/capture.js';
import type { RamBlock } from '../../../harness/stream/ram.js';
import { captured, contentsOf } from '../support/captured.js';
import { readBytes } from '../support/edited.js';
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
    const items = sectionsOf(capture).filter(({ section }) => section.name === 'ram');
    const [, part, end] = items;
    // Rounds are told as one section: what lies between it and the next is headers of 5 bytes, footers of 5, and bodies.
    expect(part?.times).to.be.above(3);
    expect((end?.section.offset ?? 0) - (part?.section.offset ?? 0)).to.equal(
      (part?.section.bodyBytes ?? 0) + 10 * (part?.times ?? 0),
    );
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

/**
 * What no QEMU of this machine writes, for want of huge pages: the page size of a block in postcopy, alone and with an address, before
 * another block and at the end.
 */
describe('RAM blocks of huge pages', () => {
  const be = (bytes: number, value: number): string => value.toString(16).padStart(2 * bytes, '0');
  const name = (text: string): string => be(1, text.length) + Buffer.from(text).toString('hex');
  const begin = '5145564d00000003';
  const ram = `01${be(4, 2)}${name('ram')}${be(4, 0)}${be(4, 4)}`;
  const end = `${be(8, 0x10)}7e${be(4, 2)}00`;
  const blocks = (total: number, ...rest: string[]): RamBlock[] =>
    readBytes(
      Buffer.from(begin + rest.slice(0, -1).join('') + ram + be(8, total | 4) + (rest.at(-1) ?? '') + end, 'hex'),
    ).blocks;
  const huge = 2 * mebibyte;

  it('are read with their page size', () => {
    const first = name('pc.ram') + be(8, 4 * mebibyte);
    const second = name('pc.bios') + be(8, 8192);
    expect(blocks(4 * mebibyte + 8192, first + be(8, huge) + second)).to.deep.equal([
      { name: 'pc.ram', bytes: 4 * mebibyte, pageBytes: huge },
      { name: 'pc.bios', bytes: 8192 },
    ]);
    expect(blocks(4 * mebibyte + 8192, second + first + be(8, huge))).to.deep.equal([
      { name: 'pc.bios', bytes: 8192 },
      { name: 'pc.ram', bytes: 4 * mebibyte, pageBytes: huge },
    ]);
    expect(blocks(4 * mebibyte, first)).to.deep.equal([{ name: 'pc.ram', bytes: 4 * mebibyte }]);
  });

  it('are read with their page size and their address', () => {
    const capabilities = 'x-ignore-shared';
    const configuration = `07${be(4, 1)}7805${name('configuration/capabilities')}${be(4, 1)}${be(4, 1)}${name(capabilities)}`;
    const first = name('pc.ram') + be(8, 4 * mebibyte);
    const second = name('pc.bios') + be(8, 8192) + be(8, 4 * mebibyte);
    // 0x400000 is an address here that could be a page size.
    expect(blocks(4 * mebibyte + 8192, configuration, first + be(8, huge) + be(8, 0) + second)).to.deep.equal([
      { name: 'pc.ram', bytes: 4 * mebibyte, pageBytes: huge, address: 0 },
      { name: 'pc.bios', bytes: 8192, address: 4 * mebibyte },
    ]);
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
