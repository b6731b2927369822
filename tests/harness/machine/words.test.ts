import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import fc from 'fast-check';
import { UsageError } from '../../../harness/core/errors.js';
import { devicesOf } from '../../../harness/machine/device-line.js';
import { quoteWord, splitWords } from '../../../harness/machine/words.js';

/** The block of a bug report, as a mail client broke it. */
const pasted = `
-device 
driver=pcie-root-port,port=18,chassis=19,id=pcie-root-port18,bus=pcie.0,addr=0x12
 \\
-device 
driver=nec-usb-xhci,p2=4,p3=4,id=nex-usb-xhci0,bus=pcie-root-port18,addr=0x12.0x1
`;

const word = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...Array.from(' \t\n\r\'"\\#$`*~!;&|(){}[]<>?=,-')),
    fc.constantFrom('a', 'é', '🐦', '\u00a0'),
  ),
});

/**
 * 1. Whatever is quoted is split back into the same words, by us and by a shell.
 * 2. A block from a bug report pastes in as it is.
 */
describe('words', () => {
  it('survive quoting and splitting, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(word), (words) => {
        expect(splitWords(words.map(quoteWord).join(' '))).to.deep.equal(words);
        expect(splitWords(words.map(quoteWord).join(' \\\n  '))).to.deep.equal(words);
      }),
    );
  });

  it('are quoted as a shell reads them', () => {
    const words = fc.sample(fc.array(word), { numRuns: 30, seed: 7 }).flat();
    const line = `printf '%s\\0' ${words.map(quoteWord).join(' ')}`;
    expect(execFileSync('sh', ['-c', line]).toString().split('\0').slice(0, -1)).to.deep.equal(words);
  });

  it('are split as a shell splits them', () => {
    const texts = [
      'a b\tc  d',
      'one"two three"four\'five six\'',
      'a\\ b \\" \\\' \\\\',
      '"a\\"b\\\\c\\n" \'a\\b\'',
      'a\\\nb c \\\n d',
      '"a\\\nb" "a\\\\\nb" \'a\\\nb\'',
      "a#b ''#c #a comment",
      "'' \"\" a''b",
      'id=$x,file=*.img',
    ];
    for (const text of texts) {
      // What we leave alone a shell must leave alone as well: globs do not expand, and x is what it is called.
      const script = `set -f; x='$x'; printf '%s\\0' ${text}\n`;
      expect(splitWords(text), text).to.deep.equal(
        execFileSync('sh', ['-c', script]).toString().split('\0').slice(0, -1),
      );
    }
  });

  it('stay bare where nothing in them is special', () => {
    expect(quoteWord('driver=e1000e,bus=pcie.0,addr=0x4.0x1')).to.equal('driver=e1000e,bus=pcie.0,addr=0x4.0x1');
    expect(quoteWord('')).to.equal("''");
    expect(quoteWord("it's")).to.equal("'it'\\''s'");
  });

  it('come out of a pasted report', () => {
    expect(splitWords(pasted)).to.deep.equal([
      '-device',
      'driver=pcie-root-port,port=18,chassis=19,id=pcie-root-port18,bus=pcie.0,addr=0x12',
      '-device',
      'driver=nec-usb-xhci,p2=4,p3=4,id=nex-usb-xhci0,bus=pcie-root-port18,addr=0x12.0x1',
    ]);
    const devices = devicesOf(splitWords(pasted));
    expect(devices.map(({ driver, id, bus }) => ({ driver, id, bus }))).to.deep.equal([
      { driver: 'pcie-root-port', id: 'pcie-root-port18', bus: 'pcie.0' },
      { driver: 'nec-usb-xhci', id: 'nex-usb-xhci0', bus: 'pcie-root-port18' },
    ]);
    expect(devicesOf(splitWords(pasted.replaceAll('\n', '\r\n')))).to.deep.equal(devices);
  });

  it('end where a quote is not closed', () => {
    for (const text of ['a "b', "a 'b", '"']) {
      expect(() => splitWords(text), text).to.throw(UsageError, 'a quote is not closed in: ');
    }
  });
});
