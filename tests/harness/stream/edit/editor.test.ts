import { expect } from 'chai';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { after, before } from 'mocha';
import { StateError } from '../../../../harness/core/errors.js';
import { splitWords } from '../../../../harness/machine/words.js';
import { sectionsOf } from '../../../../harness/stream/capture.js';
import { compareCaptures } from '../../../../harness/stream/compare/diff.js';
import { type StreamEdit, StreamEditor } from '../../../../harness/stream/edit/editor.js';
import { captureFile } from '../../support/captured.js';
import { edited, readBytes } from '../../support/edited.js';
import { Launchpad } from '../../support/launchpad.js';

const port = '0000:00:12.0/pcie-root-port';

/**
 * On a real capture:
 * 1. A field, or a byte of configuration space, is changed and nothing else.
 * 2. Sections are left out, and put in front of others.
 * 3. The result does not depend on the portions in which the bytes come.
 * 4. Before an edit's section begins, nothing is held back; what is no stream flows on as it is.
 * 5. An edit that found nothing to change is told.
 */
describe('editing a stream', () => {
  let pad: Launchpad;
  let bytes: Buffer;
  before(async () => {
    pad = new Launchpad();
    const words = splitWords('-device pcie-root-port,id=port18,chassis=1,addr=0x12');
    const source = await pad.launch({ machineType: 'pc-q35-7.2', words });
    await source.qtest.command('memset 0x100000 0x100000 0x11');
    bytes = readFileSync(await captureFile(source));
  });
  after(() => pad[Symbol.asyncDispose]());

  const differing = (edits: StreamEdit[]): string[] =>
    compareCaptures(readBytes(bytes), readBytes(edited(bytes, edits))).map(
      ({ section, what, first, second }) => `${section} ${what}: ${first} ${second}`,
    );

  it('changes a field and nothing else', () => {
    expect(differing([{ change: port, field: 'config', byte: 0x6e, xor: 0x08 }])).to.deep.equal([
      `${port} Slot Status PDC (config 0x6e): 0x00 0x08`,
    ]);
    expect(differing([{ change: 'dma 1', field: 'command', set: 0x2a }])).to.deep.equal(['dma 1 command: 0x00 0x2a']);
    // The end of a path is enough where there is only one.
    expect(differing([{ change: port, field: 'log_max', byte: 1, xor: 1 }])).to.have.length(1);
    expect(
      differing([
        { change: 'i8259', field: 'imr', xor: 1 },
        { change: 'i8259 1', field: 'imr', xor: 2 },
      ]),
    ).to.have.length(2);
  });

  it('leaves sections out and moves them', () => {
    expect(differing([{ drop: 'hpet' }])).to.deep.equal(['hpet section: 151 bytes absent']);
    expect(differing([{ move: 'apic', before: port }])).to.deep.equal([`order first: ${port} 0 apic 0`]);
    const both: StreamEdit[] = [
      { drop: 'hpet' },
      { move: 'apic', before: port },
      { change: 'ioapic', field: 'id', set: 3 },
    ];
    expect(differing(both)).to.have.length(3);
  });

  it('does not depend on the portions', () => {
    const kinds: StreamEdit[][] = [
      [{ drop: 'hpet' }],
      [{ move: 'ioapic', before: 'cpu' }],
      [{ change: port, field: 'config', byte: 0x6e, xor: 0x48 }],
      [{ drop: 'hpet' }, { move: 'ioapic', before: 'cpu' }, { change: 'dma 1', field: 'command', set: 1 }],
    ];
    for (const edits of kinds) {
      const whole = edited(bytes, edits);
      fc.assert(
        fc.property(fc.integer({ min: 3, max: 5000 }), (portion) => edited(bytes, edits, portion).equals(whole)),
        { numRuns: 3, examples: [[1], [2]] },
      );
    }
  });

  it('lets go of everything when a stream ends too early', () => {
    const half = bytes.subarray(0, bytes.indexOf('globalstate'));
    const editor = new StreamEditor([{ change: port, field: 'config', byte: 0x6e, xor: 0x48 }]);
    const passed = [...editor.push(half), ...editor.end()];
    expect(Buffer.concat(passed).equals(half)).to.equal(true);
  });

  it('cuts a stream where a section begins', () => {
    for (const portion of [1, 10, 4096, bytes.length]) {
      const cut = edited(bytes, [{ cut: 'hpet' }], portion);
      expect(cut.equals(bytes.subarray(0, cut.length))).to.equal(true);
      expect(cut.length).to.equal(
        sectionsOf(readBytes(bytes)).find(({ section }) => section.name === 'hpet')?.section.offset,
      );
    }
  });

  it('holds nothing back that is not its business', () => {
    const editor = new StreamEditor([{ change: port, field: 'config', xor: 1 }]);
    const firstDevice = bytes.indexOf(port);
    const ram = firstDevice - 200;
    const passed = editor.push(bytes.subarray(0, ram)).reduce((sum, part) => sum + part.length, 0);
    expect(passed).to.be.above(ram - 300);
    // The contents of RAM are decided on as they come, in the middle of a section too.
    const early = new StreamEditor([{ drop: 'hpet' }]);
    const some = early.push(bytes.subarray(0, 100_000)).reduce((sum, part) => sum + part.length, 0);
    expect(some).to.be.within(100_000 - 4096, 100_000);
  });

  it('lets through what is no stream', () => {
    const editor = new StreamEditor([{ drop: 'hpet' }]);
    const passed = [...editor.push(Buffer.from('no such')), ...editor.push(Buffer.from(' stream')), ...editor.end()];
    expect(Buffer.concat(passed).toString()).to.equal('no such stream');
    expect(() => editor.verify()).to.throw(
      StateError,
      /"drop":"hpet".* changed nothing: the stream could not be read: offset 0/,
    );
  });

  it('tells when nothing was changed', () => {
    for (const edit of [
      { drop: 'no-such' },
      { change: port, field: 'no/such' },
      { move: 'cpu', before: 'hpet' },
      { change: 'dma', field: 'command', byte: 9 },
      // Each of four channels has one.
      { change: 'dma', field: 'mode', set: 1 },
    ])
      expect(() => edited(bytes, [edit]), JSON.stringify(edit)).to.throw(StateError, 'changed nothing');
  });
});
