import { expect } from 'chai';
import type { Build } from '../../../../harness/build/build.js';
import { resolveBuild } from '../../../../harness/build/resolve.js';
import { GuestError, UsageError } from '../../../../harness/core/errors.js';
import { familyOf } from '../../../../harness/machine/family.js';
import { splitWords } from '../../../../harness/machine/words.js';
import { EcamAccess } from '../../../../harness/pci/access.js';
import { failure } from '../../support/failure.js';
import { Launchpad } from '../../support/launchpad.js';
import { mebibyte, provesConfigSpace, provesJourney, provesLaw, provesMemory, provesRange } from './proofs.js';
import { startPayload } from './stage.js';

const ram = 0x40000000;
const machineType = 'virt-7.2,gic-version=3';

/**
 * The guest's own code on virt machines; what guests of both architectures do stands in proofs.ts, what the host says and hears in
 * payload-guest.test.ts:
 * 1. It does what it is asked: memory of every width, checksums, configuration space; it has no ports.
 * 2. Wherever its machine is stopped, memory is what the law says; so it is on both sides of a migration, and it goes on there.
 * 3. A byte that somebody else changed is found.
 * 4. An address that nothing decodes resets the machine, and it says hello again.
 */
for (const name of ['bookworm', 'trixie'] as const) {
  describe(`a payload guest for arm64 on ${name}`, () => {
    let pad: Launchpad;
    let build: Build;

    before(async () => {
      build = await resolveBuild(`deb:${name}`, { arch: 'aarch64' });
    });

    beforeEach(() => {
      pad = new Launchpad();
    });

    afterEach(() => pad[Symbol.asyncDispose]());

    for (const type of [machineType, 'virt-7.2,gic-version=2', 'virt-5.2,gic-version=2']) {
      it(`does what it is asked, ${type}`, async () => {
        const words = splitWords('-device pcie-root-port,id=slot0,chassis=1 -device e1000e,bus=slot0,romfile=');
        const guest = await startPayload(pad, { build, machineType: type, words });
        await provesMemory(guest, ram);
        await provesConfigSpace(guest, new EcamAccess(guest.machine.qtest, familyOf(type).ecam?.base ?? NaN));
      });
    }

    it('leaves what the law says wherever it is stopped', async () => {
      const guest = await startPayload(pad, { build, machineType, memoryMiB: 32 });
      await provesLaw(guest);
      await provesRange(guest, ram + 8 * mebibyte);
      await guest.setDirtyRate({ bytesPerSecond: 400 * 4096 });
      const before = await guest.timeStampCounter();
      while ((await guest.rounds()) < 3) expect(await guest.timeStampCounter()).to.be.above(Number(before));
      await guest.setDirtyRate('none');
      await guest.checkMemory();
    });

    // 7.2 may forget what is written while it migrates.
    it('goes on where it came to, with the memory that it had', () =>
      provesJourney(pad, { build, machineType, memoryMiB: 32 }, { ram, pauses: name === 'bookworm' }));

    it('says what it cannot do', async () => {
      const guest = await startPayload(pad, { build, machineType });
      expect((await failure(guest.readPort(0x3f8, 1), UsageError)).message).to.include('has no ports');
      expect((await failure(guest.writePort({ port: 0x3f8, width: 1 }, 1), UsageError)).message).to.include(
        'has no ports',
      );
      const range = await failure(guest.setRange(mebibyte, 4096), UsageError);
      expect(range.message).to.include(`between ${ram + mebibyte} and ${ram + 16 * mebibyte}`);
      const far = await failure(guest.readMemory(2 ** 39, 4), UsageError);
      expect(far.message).to.match(/accepted: below 512 GiB$/);
      const thrown = await failure(guest.readMemory(ram + 1024 * mebibyte, 4), GuestError);
      expect(thrown.message).to.include('has started anew');
    });
  });
}
