import { expect } from 'chai';
import type { Build } from '../../../../harness/build/build.js';
import { resolveBuild } from '../../../../harness/build/resolve.js';
import { GuestError, UsageError } from '../../../../harness/core/errors.js';
import { checksumOf } from '../../../../harness/guest/payload/protocol.js';
import { familyOf } from '../../../../harness/machine/family.js';
import { splitWords } from '../../../../harness/machine/words.js';
import { EcamAccess } from '../../../../harness/pci/access.js';
import { enumerate, type PciFunction } from '../../../../harness/pci/enumerate.js';
import { failure } from '../../support/failure.js';
import { Launchpad } from '../../support/launchpad.js';
import { launchPayload, move, startPayload } from './stage.js';

const mebibyte = 2 ** 20;
const ram = 0x40000000;
const machineType = 'virt-7.2,gic-version=3';

/**
 * The guest's own code on virt machines; what the host says and hears is tested in payload-guest.test.ts:
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
        expect(guest.range).to.deep.equal({ first: ram + mebibyte, bytes: 15 * mebibyte });
        expect([await guest.rounds(), await guest.position()]).to.deep.equal([0, ram + mebibyte]);

        const at = ram + 0x200101;
        for (const [width, value] of [
          [1, 0xf1n],
          [2, 0xf1f2n],
          [4, 0xf1f2_f3f4n],
          [8, 0xf1f2_f3f4_f5f6_f7f8n],
        ] as const) {
          await guest.writeMemory(at, 8, 0n);
          await guest.writeMemory(at, width, value);
          expect(await guest.readMemory(at, width)).to.equal(value);
          expect(await guest.readMemory(at, 8)).to.equal(value);
        }
        const block = await guest.machine.qtest.readBlock(ram + 0x200000, 0x2000);
        expect(await guest.checksum(ram + 0x200000, 0x2000))
          .to.equal(checksumOf(block))
          .and.not.equal(0n);
        expect(await guest.checksum(ram + 0x200000, 0)).to.equal(0n);

        const functions = await enumerate(guest.access);
        await guest.machine.qmp.execute('stop');
        const found = (all: readonly PciFunction[]) =>
          all.map(({ address, bridge, deviceId }) => ({ address, bridge, deviceId }));
        const ecam = new EcamAccess(guest.machine.qtest, familyOf(type).ecam?.base ?? NaN);
        expect(found(functions)).to.deep.equal(found(await enumerate(ecam)));
        expect(functions.some(({ address, vendorId }) => address.bus === 1 && vendorId === 0x8086)).to.equal(true);
      });
    }

    it('leaves what the law says wherever it is stopped', async () => {
      const guest = await startPayload(pad, { build, machineType, memoryMiB: 32 });
      await guest.checkMemory();
      await guest.resume();
      const seen = new Set<string>();
      for (let stop = 0; stop < 10 || (await guest.rounds()) < 2; stop += 1) {
        await guest.checkMemory();
        seen.add(`${await guest.rounds()} ${await guest.position()}`);
      }
      expect(seen.size).to.be.above(5);
      expect(await guest.pause()).to.equal(await guest.rounds());
      await guest.checkMemory();
      await guest.setRange(ram + 8 * mebibyte, 8192);
      expect([await guest.rounds(), await guest.position()]).to.deep.equal([0, ram + 8 * mebibyte]);
      expect(await guest.checksum(ram + 8 * mebibyte, 8192)).to.equal(0n);
      await guest.setDirtyRate({ bytesPerSecond: 400 * 4096 });
      const before = await guest.timeStampCounter();
      while ((await guest.rounds()) < 3) expect(await guest.timeStampCounter()).to.be.above(Number(before));
      await guest.setDirtyRate('none');
      await guest.checkMemory();
    });

    it('goes on where it came to, with the memory that it had', async () => {
      const wish = { build, machineType, memoryMiB: 32 };
      const guest = await startPayload(pad, { ...wish, label: 'source' });
      const source = guest.machine;
      const destination = await launchPayload(pad, { ...wish, label: 'destination', incoming: true });
      await guest.resume();
      // 7.2 may forget what is written while it migrates.
      if (name === 'bookworm') await guest.pause();
      await move(source, destination);
      await guest.arrive(destination);
      await guest.checkMemory(source);
      await guest.checkMemory();
      await source.kill();
      await destination.qmp.execute('cont');
      await guest.resume();
      const { rounds, position } = { rounds: await guest.rounds(), position: await guest.position() };
      await guest.checkMemory();
      expect([await guest.rounds(), await guest.position()]).to.not.deep.equal([rounds, position]);
      expect(await guest.pause()).to.be.at.least(rounds);

      await destination.qtest.writeMemory(ram + 0x3456c3, 1, 0xee);
      const { message, data } = await failure(guest.checkMemory(), GuestError);
      expect(message).to.match(
        /^the memory of the destination QEMU is not what the guest wrote: page 0x40345000 is wrong at 0x403456c3, in a quadword that holds 0x00040345ee[0-9a-f]{6};/,
      );
      expect(data).to.deep.include({ label: 'destination', count: 1 });
    });

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
