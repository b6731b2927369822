import { closeSync, openSync, readSync } from 'node:fs';
import { expect } from 'chai';
import { Deadline } from '../../../../harness/core/deadline.js';
import { ConnectError, GuestError, StateError, UsageError } from '../../../../harness/core/errors.js';
import { PayloadGuest } from '../../../../harness/guest/payload/payload-guest.js';
import { checksumOf } from '../../../../harness/guest/payload/protocol.js';
import { locateRam } from '../../../../harness/guest/state/memory.js';
import type { Machine } from '../../../../harness/machine/machine.js';
import { splitWords } from '../../../../harness/machine/words.js';
import { enumerate } from '../../../../harness/pci/enumerate.js';
import { PortAccess } from '../../../../harness/pci/access.js';
import { failure } from '../../support/failure.js';
import { Launchpad, pidOf } from '../../support/launchpad.js';
import { launchPayload, move, startPayload } from './stage.js';

const mebibyte = 2 ** 20;

async function memoryOf(machine: Machine, from: number, bytes: number): Promise<Buffer> {
  const at = (await locateRam(machine)).host?.at ?? NaN;
  const block = Buffer.alloc(bytes);
  const file = openSync(`/proc/${pidOf(machine)}/mem`, 'r');
  readSync(file, block, 0, bytes, at + from);
  closeSync(file);
  return block;
}

/** The directory of fw_cfg, whose bytes come one after the other from one port: how many were taken tells how often it was read. */
const firmwareConfiguration = { selector: 0x510, data: 0x511, directory: 0x19 };

/**
 * The guest's own code on real machines:
 * 1. It comes up on both families of machines, and does what it is asked: ports, configuration space, memory, checksums.
 * 2. Wherever its machine is stopped, memory is what the law says; so it is on both sides of a migration, and it goes on there.
 * 3. A byte that somebody else changed is found, on whatever side.
 * 4. What is being asked while it moves is done once, on one side or the other.
 * 5. Its pace is the one that it was given; a range begins with zeroes.
 * 6. What is no payload guest, is asked too much, or ends, is told for what it is.
 */
for (const build of ['bookworm', 'trixie'] as const) {
  describe(`a payload guest on ${build}`, () => {
    let pad: Launchpad;

    beforeEach(() => {
      pad = new Launchpad();
    });

    afterEach(() => pad[Symbol.asyncDispose]());

    for (const machineType of ['pc-q35-6.0', 'pc-i440fx-6.0']) {
      it(`does what it is asked, ${machineType}`, async () => {
        const words = splitWords(
          '-device pci-bridge,id=br0,chassis_nr=1,addr=0x5 -device e1000,bus=br0,addr=1,romfile=',
        );
        const guest = await startPayload(pad, { build, machineType, words });
        expect(guest.range).to.deep.equal({ first: mebibyte, bytes: 15 * mebibyte });
        expect([await guest.rounds(), await guest.position()]).to.deep.equal([0, mebibyte]);

        for (const [width, value] of [
          [1, 0xf1n],
          [2, 0xf1f2n],
          [4, 0xf1f2_f3f4n],
          [8, 0xf1f2_f3f4_f5f6_f7f8n],
        ] as const) {
          await guest.writeMemory(0x200100, 8, 0n);
          await guest.writeMemory(0x200101, width, value);
          expect(await guest.readMemory(0x200101, width)).to.equal(value);
          expect(await guest.readMemory(0x200101, 8)).to.equal(value);
        }
        const block = await memoryOf(guest.machine, 0x200000, 0x2000);
        expect(await guest.checksum(0x200000, 0x2000))
          .to.equal(checksumOf(block))
          .and.not.equal(0n);
        expect(await guest.checksum(0x200000, 0)).to.equal(0n);

        await guest.writePort({ port: 0xcf8, width: 4 }, 0x80000000);
        const ids = await guest.readPort(0xcfc, 4);
        expect([await guest.readPort(0xcfc, 1), await guest.readPort(0xcfe, 2)]).to.deep.equal([
          ids & 0xff,
          ids >>> 16,
        ]);
        await guest.writePort({ port: 0x3ff, width: 1 }, 0x5a);
        await guest.writePort({ port: 0x70, width: 2 }, 0x5500 | 0x7f);
        expect([await guest.readPort(0x3ff, 1), await guest.readPort(0x71, 1)]).to.deep.equal([0x5a, 0x55]);
        const functions = await enumerate(guest.access);
        await guest.machine.qmp.execute('stop');
        // The second one finds the bus numbers of the first.
        const found = (all: typeof functions) =>
          all.map(({ address, bridge, deviceId }) => ({ address, bridge, deviceId }));
        expect(found(functions)).to.deep.equal(found(await enumerate(new PortAccess(guest.machine.qtest))));
        expect(functions.some(({ address, vendorId }) => address.bus === 1 && vendorId === 0x8086)).to.equal(true);
      });
    }

    it('leaves what the law says wherever it is stopped', async () => {
      const guest = await startPayload(pad, { build, memoryMiB: 32 });
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
    });

    it('goes on where it came to, with the memory that it had', async () => {
      const wish = { build, memoryMiB: 32 };
      const guest = await startPayload(pad, { ...wish, label: 'source' });
      const source = guest.machine;
      const destination = await launchPayload(pad, { ...wish, label: 'destination', incoming: true });
      await guest.resume();
      await move(source, destination);
      await guest.arrive(destination);
      await guest.checkMemory(source);
      await guest.checkMemory();
      await source.kill();
      await destination.qmp.execute('cont');
      const { rounds, position } = { rounds: await guest.rounds(), position: await guest.position() };
      await guest.checkMemory();
      expect([await guest.rounds(), await guest.position()]).to.not.deep.equal([rounds, position]);
      expect(await guest.pause()).to.be.at.least(rounds);

      await destination.qtest.writeMemory(0x3456c3, 1, 0xee);
      await destination.qtest.writeMemory(0x812345, 1, 0xee);
      const { message, data } = await failure(guest.checkMemory(), GuestError);
      expect(message).to.match(
        /^the memory of the destination QEMU is not what the guest wrote: page 0x345000 is wrong at 0x3456c3, in a quadword that holds 0x00000345ee[0-9a-f]{6}; the walk .*; page 0x812000 is wrong at 0x812345,/,
      );
      expect(data).to.deep.include({ label: 'destination', count: 2 });
    });

    it('does once what it is asked while it moves', async () => {
      const { selector, data, directory } = firmwareConfiguration;
      const guest = await startPayload(pad, { build, label: 'source' });
      const source = guest.machine;
      await guest.writePort({ port: selector, width: 2 }, directory);
      const next = async (): Promise<number> => guest.readPort(data, 1);
      const expected: number[] = [];
      for (let at = 0; at < 600; at += 1) expected.push(await next());
      await guest.writePort({ port: selector, width: 2 }, directory);
      await guest.resume();

      const destination = await launchPayload(pad, { build, label: 'destination', incoming: true });
      const moving = move(source, destination);
      const read: number[] = [];
      const state = { moved: false };
      const asking = (async () => {
        // From the start again and again, until one reading has seen both machines.
        while (!state.moved || read.length < expected.length) {
          if (read.length === expected.length) {
            await guest.writePort({ port: selector, width: 2 }, directory);
            read.length = 0;
          }
          read.push(await next());
        }
      })();
      await moving;
      await guest.arrive(destination);
      state.moved = true;
      await source.kill();
      await destination.qmp.execute('cont');
      await asking;
      expect(read).to.deep.equal(expected);
    });

    it('walks what it is told to, at the pace that it is told', async () => {
      const guest = await startPayload(pad, { build, memoryMiB: 32 });
      await guest.setDirtyRate('unlimited');
      await guest.setRange(4 * mebibyte, 2 * mebibyte);
      expect(guest.range).to.deep.equal({ first: 4 * mebibyte, bytes: 2 * mebibyte });
      await guest.checkMemory();
      await guest.setDirtyRate('none');
      await guest.setRange(8 * mebibyte, 8192);
      expect([await guest.rounds(), await guest.position()]).to.deep.equal([0, 8 * mebibyte]);
      expect(await guest.checksum(8 * mebibyte, 8192)).to.equal(0n);

      await guest.setRange(mebibyte, 31 * mebibyte);
      await guest.setDirtyRate({ bytesPerSecond: 400 * 4096 });
      const startedMs = performance.now();
      while ((await guest.position()) < mebibyte + 9 * 4096) expect(await guest.timeStampCounter()).to.not.equal(0n);
      // Nine pages at 400 a second are eight intervals, 20 ms; a machine that is slow takes longer, and none half of it.
      expect(performance.now() - startedMs).to.be.above(10);
      await guest.setDirtyRate('none');
      await guest.checkMemory();
    });

    it('says what it cannot do', async () => {
      const guest = await startPayload(pad, { build });
      for (const [first, bytes] of [
        [0x1000, 4096],
        [mebibyte, 0],
        [mebibyte + 1, 4096],
        [mebibyte, 16 * mebibyte],
        [NaN, 4096],
      ] as const) {
        expect((await failure(guest.setRange(first, bytes), UsageError)).message).to.include('cannot be walked');
      }
      for (const bytesPerSecond of [0, -1, NaN]) {
        const thrown = await failure(guest.setDirtyRate({ bytesPerSecond }), UsageError);
        expect(thrown.message).to.include('are no dirty rate');
      }
      await failure(guest.checksum(0x200000, 3), UsageError);
      for (const address of [2 ** 32, 2 ** 32 - 4, -8, NaN]) {
        const { message } = await failure(guest.readMemory(address, 8), UsageError);
        expect(message).to.include("out of the payload guest's reach");
      }
      expect(await guest.rounds()).to.equal(0);
    });

    it('tells silence, a reset and an end from each other', async () => {
      const guest = await startPayload(pad, { build });
      const hasty = await PayloadGuest.attach(await launchPayload(pad, { build }), Deadline.after(1500));
      await hasty.machine.qmp.execute('stop');
      expect((await failure(hasty.rounds(), GuestError)).message).to.match(/asked for the rounds, and sent nothing$/);

      await guest.machine.qmp.execute('system_reset');
      const started = await failure(
        (async () => {
          for (;;) await guest.rounds();
        })(),
        GuestError,
      );
      expect(started.message).to.include('has started anew');

      const other = await startPayload(pad, { build });
      await other.machine.qmp.execute('stop');
      const asked = failure(other.rounds(), ConnectError);
      await other.machine.kill();
      expect((await asked).message).to.include('the serial port of the payload guest');
    });

    it('is not there where there is another firmware, or no port', async () => {
      const bare = await pad.launch({ build, machineType: 'pc-q35-6.0', serials: 1 });
      const { message } = await failure(PayloadGuest.attach(bare, Deadline.after(500)), GuestError);
      expect(message).to.match(
        /^the payload guest did not answer within \d+ ms when asked for its hello, and sent nothing$/,
      );
      const deaf = await launchPayload(pad, { build, serials: 0 });
      await failure(PayloadGuest.attach(deaf, Deadline.after(500)), StateError);
    });
  });
}
