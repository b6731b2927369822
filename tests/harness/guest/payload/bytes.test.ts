import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Deadline } from '../../../../harness/core/deadline.js';
import { BuildError } from '../../../../harness/core/errors.js';
import { assemble, bytesPath, renderBytes } from '../../../../harness/guest/payload/assemble.js';
import { x86Rom } from '../../../../harness/guest/payload/x86-64.js';
import { BorrowedBinutils } from '../../support/binutils.js';
import { failure } from '../../support/failure.js';

/**
 * 1. The bytes that run are those of the source, by the host's assembler and, where it has none, by Debian's.
 * 2. What the assembler says is told.
 */
describe('the bytes of the payload guest', function () {
  this.timeout(180_000);

  for (const own of [true, false]) {
    it(`are those of the source, by ${own ? "the host's assembler" : "Debian's"}`, async () => {
      using found = await BorrowedBinutils.find({ own });
      const bytes = await assemble(found.tools, Deadline.after(30_000));
      expect(readFileSync(bytesPath, 'utf8')).to.equal(renderBytes(bytes));
      expect(x86Rom().subarray(-bytes.length).equals(bytes)).to.equal(true);
      expect(x86Rom().length).to.equal(0x10000);
    });
  }

  it('are not to be had from a tool that fails', async () => {
    const thrown = await failure(assemble({ as: ['false'], ld: ['ld'] }, Deadline.after(5000)), BuildError);
    expect(thrown.message).to.equal('false did not take the payload guest: exit status 1');
  });
});
