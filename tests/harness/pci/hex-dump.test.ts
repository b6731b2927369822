import { expect } from 'chai';
import fc from 'fast-check';
import { UsageError } from '../../../harness/core/errors.js';
import { parseHexDump, rawConfig } from '../../../harness/pci/hex-dump.js';

/** As `lspci -x`, `-xxx`, `-xxxx` writes a function. */
function dumpOf(address: string, config: Uint8Array): string {
  const rows = Array.from({ length: config.length / 16 }, (_, row) => {
    const bytes = [...config.subarray(16 * row, 16 * row + 16)].map((byte) => byte.toString(16).padStart(2, '0'));
    return `${(16 * row).toString(16).padStart(2, '0')}: ${bytes.join(' ')}`;
  });
  return [`${address} Serial controller: Red Hat, Inc. Device 1100 (rev 01)`, '\tFlags: fast devsel', ...rows, ''].join(
    '\n',
  );
}

const size = fc.constantFrom(64, 256, 4096);
const space = size.chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));

// 1. What lspci writes of any functions is read back, with their addresses.
// 2. A dump with a part missing, and a text that is none, are refused with the place.
// 3. A copy of a config file is taken for one, and no text is.
describe('parseHexDump', () => {
  it('reads every function that was written', () => {
    fc.assert(
      fc.property(fc.array(space, { minLength: 1, maxLength: 3 }), (spaces) => {
        const written = spaces.map((config, index) => ({ address: `3b:00.${index}`, config }));
        const text = written.map(({ address, config }) => dumpOf(address, config)).join('\n');
        expect(parseHexDump(text)).to.deep.equal(written);
      }),
      { numRuns: 20 },
    );
  });

  it('leaves out a domain of 0 and no other', () => {
    const header = new Uint8Array(64);
    const addresses = ['0000:3B:00.4', '10000:e1:00.0'].map(
      (address) => parseHexDump(dumpOf(address, header))[0]?.address,
    );
    expect(addresses).to.deep.equal(['3b:00.4', '10000:e1:00.0']);
    expect(parseHexDump(dumpOf('', header))[0]).to.not.have.property('address');
  });

  it('refuses what has no bytes, or not all', () => {
    const text = dumpOf('00:04.0', new Uint8Array(256));
    const refusal = (broken: string): string => {
      try {
        parseHexDump(broken);
      } catch (thrown) {
        if (thrown instanceof UsageError) return thrown.message;
      }
      return 'not refused';
    };
    expect(refusal('')).to.match(/^no line is one of lspci's/);
    expect(refusal(text.replace(/^30: .*\n/m, ''))).to.equal(
      'line 6 has the bytes at 0x40, those at 0x30 were expected',
    );
    expect(refusal(text.replace(/^f0: .*\n/m, ''))).to.match(/^a function has 240 bytes/);
    expect(refusal(text.replace(/^00: .*\n/m, ''))).to.match(/^line 3 has the bytes at 0x10/);
  });

  it('takes a config file for one', () => {
    expect(rawConfig(new Uint8Array(256))).to.have.length(256);
    expect(rawConfig(new Uint8Array(255))).to.equal(undefined);
    expect(rawConfig(Buffer.from('x'.repeat(256)))).to.equal(undefined);
  });
});
