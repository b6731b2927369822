import { expect } from 'chai';
import { diagnoseLines } from '../../../harness/diagnosis/diagnose.js';
import { parseErrorLines } from '../../../harness/diagnosis/error-lines.js';
import { readPastedLog } from '../../../harness/diagnosis/log-lines.js';

const lineCount = 20_000;
const longLine = 1_000_000;

function flood(line: (index: number) => string): string {
  return Array.from({ length: lineCount }, (_, index) => line(index)).join('\n');
}

/** Each has a way of its own to make a reader slow whose work grows with the square of its input: minutes, where the test gives seconds. */
const floods: [what: string, text: string, findings: number][] = [
  ['equal lines', flood(() => 'qemu-system-x86_64: nobody knows this'), 1],
  ['lines with a number', flood((index) => `qemu-system-x86_64: nobody knows ${index}: really`), lineCount],
  ['steps without an end', flood((index) => `qemu-system-x86_64: Failed to load PCIDevice${index}:config`), lineCount],
  ['mismatches', flood((index) => `kvm: Bad config data: i=0x${(index % 256).toString(16)} read: 1 device: 0`), 256],
  ['lines of no program', flood(() => '> so he said'), 1],
  ['blank lines', `x${'\n'.repeat(longLine)}y`, 2],
];

const longLines: [what: string, line: string][] = [
  ['messages that nobody knows', 'a: '.repeat(longLine / 3)],
  ['known messages', 'Missing section footer for x: '.repeat(longLine / 30)],
  ['quotation marks', '> '.repeat(longLine / 2)],
  ['blanks', `-device ${' '.repeat(longLine)}x`],
  ['slashes', '/'.repeat(longLine)],
];

// 1. A flood of lines, and one line of a megabyte, are read in time that grows with their length: the test's time is its proof.
// 2. Equal messages are one finding with their number, equal lines one line; nothing of a long line is lost.
describe('floods', () => {
  for (const [what, text, count] of floods) {
    it(`reads ${lineCount} ${what}`, () => {
      const { messages, lines } = readPastedLog(text);
      const findings = diagnoseLines('destination', messages.length > 0 ? messages : parseErrorLines(text));
      expect(findings).to.have.length(count);
      expect(findings.reduce((sum, { times = 1 }) => sum + times, 0)).to.equal(messages.length || lineCount);
      expect(lines.length).to.be.at.most(lineCount);
    });
  }

  it('counts equal lines in a row', () => {
    const log = 'qemu-kvm: odd\nqemu-kvm: odd\nqemu-kvm: other\nqemu-kvm: odd\n';
    expect(readPastedLog(log).lines).to.deep.equal([
      { text: 'qemu-kvm: odd', mark: 'undiagnosed', times: 2 },
      { text: 'qemu-kvm: other', mark: 'undiagnosed' },
      { text: 'qemu-kvm: odd', mark: 'undiagnosed' },
    ]);
    expect(diagnoseLines('source', parseErrorLines(log)).map(({ times }) => times)).to.deep.equal([3, undefined]);
  });

  for (const [what, long] of longLines) {
    it(`reads a line of a megabyte with ${what}`, () => {
      const rest = parseErrorLines(`qemu-system-x86_64: ${long}`).at(-1);
      const line = rest?.line ?? '';
      expect(line.length).to.be.at.least(longLine - 10);
      expect(rest?.kind === 'undiagnosed' && line.endsWith(rest.text)).to.equal(true);
    });
  }

  it('tells the message that a long line begins with, and the rest of it whole', () => {
    const rest = 'x'.repeat(longLine);
    const [first, ...others] = parseErrorLines(`kvm: Missing section footer for hpet: ${rest}`);
    expect(first?.kind).to.equal('missing-section-footer');
    const told = others.map((line) => (line.kind === 'undiagnosed' ? line.text : ''));
    expect(told.join('') === rest).to.equal(true);
  });
});
