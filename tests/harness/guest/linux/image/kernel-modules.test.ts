import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { guestKernel } from '../../../../../harness/build/deb/guest-kernel.js';
import { Deadline } from '../../../../../harness/core/deadline.js';
import { BuildError } from '../../../../../harness/core/errors.js';
import { readModules } from '../../../../../harness/guest/linux/image/kernel-modules.js';
import { PrivateFolder } from '../../../../../harness/machine/private-folder.js';
import { failure } from '../../../support/failure.js';

/**
 * 1. A module comes after all that it needs, which is read from the modules themselves; one that a kernel has not is left out.
 * 2. What is no module is named.
 */
describe('the modules of a kernel', () => {
  for (const suite of ['bookworm', 'trixie']) {
    it(`come in an order in which they can be loaded: ${suite}`, async () => {
      const options = { arch: 'x86_64', fetch: true, deadline: Deadline.after(50_000) };
      const { modules } = await guestKernel(`deb:${suite}`, options);
      const read = await readModules(modules, ['virtio_scsi', 'virtio-net', 'no_such_module', 'sd_mod', 'virtio_net']);
      const names = read.map(({ name }) => name);
      expect(names).to.include.members([
        'scsi_common',
        'scsi_mod',
        'virtio_scsi',
        'failover',
        'net_failover',
        'sd_mod',
      ]);
      expect(names.filter((name) => name === 'virtio_net')).to.have.length(1);
      expect(names).to.not.include('no_such_module');
      for (const [index, { needs }] of read.entries()) expect(names.slice(0, index)).to.include.members(needs);
    });
  }

  it('are told from what is none', async () => {
    using folder = PrivateFolder.create();
    for (const [name, content] of [
      ['empty', ''],
      ['text', 'no module at all'],
      ['cut', '\x7fELF\x02\x01' + '\xff'.repeat(80)],
    ] as const) {
      const path = join(folder.path, `${name}.ko`);
      writeFileSync(path, content, 'latin1');
      const thrown = await failure(readModules(folder.path, [name]), BuildError);
      expect(thrown.message).to.equal(`${path} is no kernel module`);
    }
  });
});
