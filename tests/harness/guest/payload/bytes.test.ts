import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Deadline } from '../../../../harness/core/deadline.js';
import { BuildError } from '../../../../harness/core/errors.js';
import { aarch64Image } from '../../../../harness/guest/payload/aarch64.js';
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
      using found = await BorrowedBinutils.find('x86_64', { own });
      const bytes = await assemble('x86_64', found.tools, Deadline.after(30_000));
      expect(readFileSync(bytesPath('x86_64'), 'utf8')).to.equal(renderBytes('x86_64', bytes));
      expect(x86Rom().subarray(-bytes.length).equals(bytes)).to.equal(true);
      expect(x86Rom().length).to.equal(0x10000);
    });
  }

  it('are those of the source, for arm64', async () => {
    using found = await BorrowedBinutils.find('aarch64');
    const bytes = await assemble('aarch64', found.tools, Deadline.after(30_000));
    expect(readFileSync(bytesPath('aarch64'), 'utf8')).to.equal(renderBytes('aarch64', bytes));
    expect(aarch64Image().equals(bytes)).to.equal(true);
  });

  it('are not to be had from a tool that fails', async () => {
    const thrown = await failure(
      assemble('x86_64', { as: ['false'], ld: ['ld'], objcopy: ['objcopy'] }, Deadline.after(5000)),
      BuildError,
    );
    expect(thrown.message).to.equal('false did not take the payload guest: exit status 1');
  });
});
