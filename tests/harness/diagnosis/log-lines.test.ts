import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { type Mark, readPastedLog } from '../../../harness/diagnosis/log-lines.js';

const pasted = (name: string): string => readFileSync(new URL(`pasted/${name}.txt`, import.meta.url), 'utf8');
const marks = (text: string): Mark[] => readPastedLog(text).lines.map(({ mark }) => mark);

// 1. Of a plain log every line counts; among prose only what a program printed, or what nobody says otherwise.
// 2. No line is lost, whatever the text.
describe('readPastedLog', () => {
  it('marks the lines of a plain log', () => {
    const log = [
      "qemu-system-x86_64: warning: Machine type 'pc-q35-5.2' is deprecated: machines more than 3 years old",
      'qemu-system-x86_64: Missing section footer for hpet',
      'what is this',
      'qemu-system-x86_64: load of migration failed: Invalid argument',
    ].join('\n');
    expect(marks(log)).to.deep.equal(['harmless', 'diagnosed', 'undiagnosed', 'consequence']);
  });

  it('takes the text around a log for what it is', () => {
    const { messages, lines } = readPastedLog(pasted('slot'));
    expect(messages.map(({ kind }) => kind)).to.deep.equal([
      'config-mismatch',
      'vmstate-path',
      'vmstate-path',
      'section-device',
      'load-failed',
    ]);
    expect(lines.filter(({ mark }) => mark === 'beside').length).to.equal(lines.length - 5);
  });

  it('flags a line of QEMU that nobody has taught, in a mail too', () => {
    expect(marks('From: somebody\n> qemu-kvm: never heard of\n> that is odd')).to.deep.equal([
      'beside',
      'undiagnosed',
      'beside',
    ]);
  });

  it('takes no sentence of a mail for a message', () => {
    expect(marks('Subject: x\nMigration is disabled here\nmultifd: received nothing, says he')).to.deep.equal([
      'beside',
      'beside',
      'beside',
    ]);
  });

  it('keeps every line of any text', () => {
    const piece = fc.constantFrom(
      'From: a',
      'qemu-kvm: x',
      '> y',
      '>',
      'load of migration failed: z',
      '',
      '**',
      'ERROR:',
      'i=0x6e',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
        const text = pieces.join('\n');
        const wanted = text.split(/\r?\n/).filter((line) => line.trim() !== '');
        const kept = readPastedLog(text).lines.flatMap((line) =>
          Array.from({ length: line.times ?? 1 }, () => line.text.split('\n')).flat(),
        );
        expect(kept).to.deep.equal(wanted);
      }),
    );
  });
});
