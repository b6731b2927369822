import { expect } from 'chai';
import { resolveBuild } from '../../../harness/build/resolve.js';
import { Deadline } from '../../../harness/core/deadline.js';
import { ScriptedGuest } from '../../../harness/guest/scripted.js';
import { findFamily } from '../../../harness/machine/family.js';
import { Launchpad } from '../support/launchpad.js';

/** 1. Configuration space is found in every version of virt, where it has moved in 3.0 and by an option. */
describe('the family of a machine type', function () {
  this.timeout(600_000);

  for (const machineType of ['virt-2.6', 'virt-2.12', 'virt-3.0', 'virt-7.2', 'virt-7.2,highmem=off']) {
    it(`knows where ${machineType} has its configuration space`, async () => {
      await using pad = new Launchpad();
      const build = await resolveBuild('deb:bookworm', { arch: 'aarch64' });
      const machine = await pad.launch({
        build,
        machineType,
        memoryMiB: 64,
        words: ['-device', 'virtio-rng-pci,id=r0'],
      });
      const guest = ScriptedGuest.attach(machine, Deadline.after(20_000));
      const found = [...(await guest.configSpace()).values()].find(({ id }) => id === 'r0');
      // Who is asked at a wrong address answers with zeroes.
      expect(
        Buffer.from(found?.config ?? [])
          .readUInt32LE(0)
          .toString(16),
      ).to.equal('10051af4');
    });
  }

  it('is none where there is none', () => {
    expect(findFamily('none')).to.equal(undefined);
    expect(findFamily('virtual-7.2')).to.equal(undefined);
  });
});
