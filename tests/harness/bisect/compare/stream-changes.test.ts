import { expect } from 'chai';
import { streamChanges } from '../../../../harness/bisect/compare/stream-changes.js';
import { splitWords } from '../../../../harness/machine/words.js';
import type { Capture } from '../../../../harness/stream/capture.js';
import { captured } from '../../support/captured.js';
import { Launchpad, type Suite } from '../../support/launchpad.js';

const port = '-device pcie-root-port,id=port18,chassis=1,addr=0x12';

/** What a machine sends, captured anew each time. */
async function capture(build: Suite, words = port): Promise<Capture> {
  await using pad = new Launchpad();
  return await captured(await pad.launch({ build, machineType: 'pc-q35-6.0', words: splitWords(words) }));
}

async function twice(build: Suite, words?: string): Promise<[Capture, Capture]> {
  return [await capture(build, words), await capture(build, words)];
}

/**
 * With streams of real QEMUs:
 * 1. The same build twice changes nothing.  2. A device more is a section more, one less a section less.
 * 3. Between releases fields are added and have another size: that is told as another shape, a register that differs as another value.
 * 4. Another name for the same bytes is no change.  5. What differs between two streams of one build is left out, and values where they mean nothing.
 */
describe('compare: what changes in a stream', () => {
  let old: [Capture, Capture];
  before(async () => {
    old = await twice('bookworm');
  });

  it('nothing between two of one build', async () => {
    expect(streamChanges({ base: old, patched: await twice('bookworm'), values: true })).to.deep.equal([]);
  });

  it('a section that comes and one that goes', async () => {
    const more = await twice('bookworm', `${port} -device virtio-rng-pci,addr=0x13`);
    const added = streamChanges({ base: old, patched: more, values: true });
    expect(added.filter(({ kind }) => kind === 'shape').map(({ words }) => words)).to.deep.equal([
      '0000:00:13.0/virtio-rng: the section is added',
    ]);
    const removed = streamChanges({ base: more, patched: old, values: true });
    expect(removed[0]).to.deep.equal({ kind: 'shape', words: '0000:00:13.0/virtio-rng: the section is removed' });
  });

  it('fields that are added and resized between releases', async () => {
    const changes = streamChanges({ base: old, patched: await twice('trixie'), values: true });
    const shape = changes.filter(({ kind }) => kind === 'shape').map(({ words }) => words);
    expect(shape).to.include('globalstate: vm_was_suspended is added');
    expect(shape.join('\n')).to.match(/^globalstate: runstate: .*\(another size\)$/m);
  });

  it('no name alone: what the bytes of a field are called is nothing to a destination', async () => {
    const card = `${port} -device e1000e,romfile=,addr=0x5`;
    const changes = streamChanges({
      base: await twice('bookworm', card),
      patched: await twice('trixie', card),
      values: true,
    });
    // core.itr_intr_pending became unused bytes there.
    expect(changes.filter(({ kind, words }) => kind === 'shape' && words.includes('e1000e'))).to.deep.equal([]);
    expect(changes.map(({ words }) => words)).to.include('globalstate: vm_was_suspended is added');
  });

  it('a value, where values mean something and are no noise', async () => {
    const other = await twice('bookworm', `${port},slot=7`);
    const changes = streamChanges({ base: old, patched: other, values: true });
    expect(changes.length).to.be.greaterThan(0);
    expect(changes.every(({ kind, words }) => kind === 'value' && words.includes('pcie-root-port'))).to.equal(true);
    expect(streamChanges({ base: old, patched: other, values: false })).to.deep.equal([]);
    expect(streamChanges({ base: [old[0], other[0]], patched: other, values: true }), 'noise').to.deep.equal([]);
  });
});
