import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Deadline } from '../../../../harness/core/deadline.js';
import { assemble, bytesPath, renderBytes } from '../../../../harness/guest/payload/assemble.js';
import { ppc64Image } from '../../../../harness/guest/rtas/ppc64.js';
import { BorrowedBinutils } from '../../support/binutils.js';

/** The bytes that run are those of the source, by an assembler for the architecture: the host's, and where it has none, Debian's. */
describe('the bytes of the RTAS guest', function () {
  this.timeout(180_000);

  it('are those of the source', async () => {
    using found = await BorrowedBinutils.find('ppc64');
    const bytes = await assemble('ppc64', found.tools, Deadline.after(30_000));
    expect(readFileSync(bytesPath('ppc64'), 'utf8')).to.equal(renderBytes('ppc64', bytes));
    expect(ppc64Image().subarray(-bytes.length).equals(bytes)).to.equal(true);
    expect(ppc64Image().length).to.equal(0x100 + bytes.length);
  });
});
