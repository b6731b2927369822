import { expect } from 'chai';
import fc from 'fast-check';
import { compareVersions, parseVersion } from '../../../harness/build/build.js';
import { UsageError } from '../../../harness/core/errors.js';

describe('QEMU versions', () => {
  it('are ordered by number, not by text', () => {
    const sorted = ['11.1.3', '7.2', '10.0.13', '7.2.22', '5.2'].map(parseVersion).sort(compareVersions);
    expect(sorted.map((version) => version.text)).to.deep.equal(['5.2.0', '7.2.0', '7.2.22', '10.0.13', '11.1.3']);
  });

  it('read back what they print', () => {
    const number = fc.nat(9999);
    fc.assert(
      fc.property(number, number, number, (major, minor, micro) => {
        const text = `${major}.${minor}.${micro}`;
        expect(parseVersion(text)).to.deep.equal({ major, minor, micro, text });
      }),
    );
  });

  it('refuse anything else', () => {
    for (const text of ['', '7', 'seven', '7.2.22-rc1', '1.2.3.4'])
      expect(() => parseVersion(text)).to.throw(UsageError, text);
  });
});
