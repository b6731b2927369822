import { StateError } from '../../../harness/core/errors.js';
import { devicesOf } from '../../../harness/machine/device-line.js';
import { expect } from '../../../harness/scenario/expectations.js';
import type { Journey } from '../../../harness/scenario/definition.js';
import { failure } from '../support/failure.js';
import { Stage } from './stage.js';

/** 1. A guest travels through three builds, with a reset and a hotplug on every hop, and goes on living on the last.  2. Where the way ends, it ends.  3. The destination carries what the guest has. */
describe('a journey', () => {
  let stage: Stage;
  beforeEach(() => (stage = new Stage()));
  afterEach(() => {
    const left = stage.leftovers();
    stage[Symbol.dispose]();
    expect(left).to.deep.equal([]);
  });

  async function resetAndPlug(journey: Journey, hop: number): Promise<void> {
    await journey.guest.reset();
    await journey.guest.hotplug(`virtio-scsi-pci,id=scsi${hop},bus=port${hop}`);
  }

  const ports = [0, 1, 2].flatMap((slot) => ['-device', `pcie-root-port,id=port${slot},slot=${slot},chassis=${slot}`]);

  for (const route of [
    ['bookworm', 'trixie', 'bookworm'],
    ['bookworm', 'bookworm', 'trixie'],
  ] as const) {
    it(`${route.join(' → ')}, with a reset and a hotplug on every hop`, async () => {
      let ids: (string | undefined)[] = [];
      const result = await stage.play(
        {
          devices: ports,
          hotplugs: true,
          async body(journey) {
            for (const hop of [0, 1]) {
              await resetAndPlug(journey, hop);
              expect(journey.machine.spec.build.name).to.equal(`deb:${route[hop]}`);
              expect(await journey.migrate(hop === 0 ? {} : { channel: 'tcp' })).to.be.completed.with.cleanLogs.and.to
                .preserve.configSpace;
            }
            await resetAndPlug(journey, 2);
            await journey.guest.unplug('scsi0');
            ids = devicesOf(journey.machine.words).map(({ id }) => id);
          },
        },
        { route: [...route] },
      );
      expect(result.reason).to.equal('');
      expect(result.outcomes.map(({ from, to }) => [from, to].join())).to.deep.equal(
        [0, 1].map((hop) => `deb:${route[hop]},deb:${route[hop + 1]}`),
      );
      expect(ids).to.include.members(['scsi1', 'scsi2']).and.not.include('scsi0');
      expect(stage.log('hop-2.sh')).to.include('scsi1').and.not.include('scsi2');
      const phases = Object.values(result.phasesMs).reduce((sum, ms) => sum + ms, 0);
      expect(phases).to.be.closeTo(result.durationMs, 0.01);
    });
  }

  it('starts a destination anew when the guest has changed its devices after all', async () => {
    const result = await stage.play({
      devices: ports,
      async body(journey) {
        await resetAndPlug(journey, 0);
        expect(await journey.migrate()).to.be.completed.with.cleanLogs;
      },
    });
    expect(result.reason).to.equal('');
    expect(stage.log('destination.sh')).to.include('scsi0');
  });

  it('keeps the guest where it was when the destination refuses it, and ends where its route ends', async () => {
    const result = await stage.play({
      devices: '-device e1000,addr=0x5',
      destination: () => ({ devices: '' }),
      async body(journey) {
        expect(await journey.migrate())
          .to.have.failedOn('destination')
          .with.finding('unknown-ramblock', { block: '0000:00:05.0/e1000.rom' });
        expect(journey.machine.label).to.equal('source');
        expect((await journey.machine.qmp.execute('query-status')).running).to.equal(false);
      },
    });
    expect(result.reason).to.equal('');
    const past = await stage.play({
      async body({ migrate }) {
        await migrate();
        expect((await failure(migrate(), StateError)).message).to.include('end of its route');
      },
    });
    expect(past.reason).to.equal('');
  });
});
