import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { Deadline } from '../../../../harness/core/deadline.js';
import { ConnectError, GuestError, StateError, UsageError } from '../../../../harness/core/errors.js';
import { PayloadGuest } from '../../../../harness/guest/payload/payload-guest.js';
import { splitWords } from '../../../../harness/machine/words.js';
import { PortAccess } from '../../../../harness/pci/access.js';
import { failure, timersRunning } from '../../support/failure.js';
import { Launchpad } from '../../support/launchpad.js';
import { mebibyte, provesConfigSpace, provesJourney, provesLaw, provesMemory, provesRange } from './proofs.js';
import { launchPayload, move, startPayload } from './stage.js';

/** The directory of fw_cfg, whose bytes come one after the other from one port: how many were taken tells how often it was read. */
const firmwareConfiguration = { selector: 0x510, data: 0x511, directory: 0x19 };

/**
 * The guest's own code on real machines:
 * 1. It comes up on both families of machines, and does what it is asked: ports, configuration space, memory, checksums.
 * 2. Wherever its machine is stopped, memory is what the law says; so it is on both sides of a migration, and it goes on there.
 * 3. A byte that somebody else changed is found, on whatever side.
 * 4. What is being asked while it moves is done once, on one side or the other.
 * 5. Its pace is the one that it was given; a range begins with zeroes.
 * 6. What is no payload guest, is asked too much, ends, or cannot be started, is told for what it is.
 * What guests of both architectures do stands in proofs.ts.
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
        await provesMemory(guest, 0);
        await guest.writePort({ port: 0xcf8, width: 4 }, 0x80000000);
        const ids = await guest.readPort(0xcfc, 4);
        expect([await guest.readPort(0xcfc, 1), await guest.readPort(0xcfe, 2)]).to.deep.equal([
          ids & 0xff,
          ids >>> 16,
        ]);
        await guest.writePort({ port: 0x3ff, width: 1 }, 0x5a);
        await guest.writePort({ port: 0x70, width: 2 }, 0x5500 | 0x7f);
        expect([await guest.readPort(0x3ff, 1), await guest.readPort(0x71, 1)]).to.deep.equal([0x5a, 0x55]);
        await provesConfigSpace(guest, new PortAccess(guest.machine.qtest));
      });
    }

    it('leaves what the law says wherever it is stopped', async () => {
      await provesLaw(await startPayload(pad, { build, memoryMiB: 32 }));
    });

    it('goes on where it came to, with the memory that it had', () =>
      provesJourney(pad, { build, memoryMiB: 32 }, { ram: 0 }));

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
      await provesRange(guest, 8 * mebibyte);

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
      const hasty = await PayloadGuest.attach(await launchPayload(pad, { build }), Deadline.after(3000));
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

    it('that cannot be started is waited for by nobody', async () => {
      const machine = await launchPayload(pad, { build });
      machine.qmp.close();
      await failure(machine.qmp.execute('query-status'));
      await setImmediate();
      const before = timersRunning();
      await failure(PayloadGuest.attach(machine, Deadline.after(60_000)));
      expect(timersRunning()).to.equal(before);
    });
  });
}
