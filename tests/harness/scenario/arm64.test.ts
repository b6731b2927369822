import { expect } from '../../../harness/scenario/expectations.js';
import { loadEvents, traceOrder, traceViolations } from '../../../harness/stream/compare/trace-order.js';
import type { Suite } from '../support/launchpad.js';
import { Stage } from './stage.js';

const network = '0000:00:05.0/virtio-net';
const devices = (gic: number): string =>
  `-machine gic-version=${gic} -device pcie-root-port,addr=0x4,chassis=1 -device virtio-net-pci,addr=0x5,romfile=`;

/**
 * Whole cells on virt:
 * 1. The payload guest comes up by the machine's family, walks on from machine to machine, and a wrong byte is told with its physical address.
 * A machine that is not as its family's file says is no fault of QEMU's.
 * 2. Options of the machine come with a scenario's words. With a GICv2 a root port is loaded too early, with a GICv3 nothing is.
 * 3. QEMU accepts a stream with its sections in another order, and the destination's own trace tells of it.
 */
describe('a cell on virt', function () {
  this.timeout(600_000);
  let stage: Stage;
  beforeEach(() => (stage = new Stage()));
  afterEach(() => stage[Symbol.dispose]());

  for (const name of ['bookworm', 'trixie'] as const) {
    const on = { machineType: 'virt-7.2', arch: 'aarch64', route: [name, name] satisfies Suite[] };

    it(`has a payload guest that walks on, ${name}`, async () => {
      const { verdict, reason } = await stage.play<'payload'>(
        {
          guest: 'payload',
          async body({ guest, migrate }) {
            await guest.resume();
            // It stands still on the way: 7.2 may forget what is written meanwhile.
            const rounds = await guest.pause();
            expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
            await guest.resume();
            while ((await guest.rounds()) <= rounds + 1);
            await guest.pause();
            await guest.checkMemory();
            await guest.machine.qtest.writeMemory(0x40345678, 1, 0xee);
            await guest.checkMemory();
          },
        },
        on,
      );
      expect(verdict).to.equal('failed');
      expect(reason).to.match(/^the memory of the destination QEMU .*: page 0x40345000 is wrong at 0x40345678,/);
    });

    it(`has a guest that cannot be looked at where it is not expected, ${name}`, async () => {
      const { verdict, reason } = await stage.play(
        {
          guest: 'payload',
          devices: '-machine highmem=off',
          async body({ migrate }) {
            await migrate();
          },
        },
        on,
      );
      expect(reason).to.include('configuration space of the source QEMU is not at 0x4010000000');
      expect(verdict).to.equal('broken');
    });

    it(`loads the interrupt controller first, or not, ${name}`, async () => {
      for (const [gic, broken] of [
        [2, ['0000:00:04.0/pcie-root-port']],
        [3, []],
      ] as const) {
        const { verdict, reason } = await stage.play(
          {
            devices: devices(gic),
            trace: loadEvents,
            async body(journey) {
              expect(await journey.migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
              const found = traceViolations(journey.machine.trace());
              expect(found.map(({ early }) => early.name)).to.deep.equal(broken);
            },
          },
          on,
        );
        expect(reason).to.equal('');
        expect(verdict).to.equal('passed');
      }
    });

    it(`finds sections in another order, ${name}`, async () => {
      const { verdict, reason } = await stage.play(
        {
          devices: devices(3),
          trace: loadEvents,
          async body(journey) {
            const outcome = await journey.migrate({ relay: { edits: [{ move: network, before: 'arm_gicv3' }] } });
            expect(outcome).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
            const lines = journey.machine.trace();
            const names = traceOrder(lines).map((step) => step.name);
            expect(names.indexOf('arm_gicv3')).to.equal(names.indexOf(network) + 1);
            expect(traceViolations(lines).map(({ early, late }) => [early.name, late.name])).to.deep.equal([
              [network, 'arm_gicv3'],
            ]);
          },
        },
        on,
      );
      expect(reason).to.equal('');
      expect(verdict).to.equal('passed');
    });
  }
});
