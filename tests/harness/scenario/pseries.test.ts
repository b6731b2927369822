import { expect } from '../../../harness/scenario/expectations.js';
import { Stage } from './stage.js';

/**
 * Whole cells on pseries:
 * 1. A request that the guest was told of, while it looked for another one, is answered where the guest has come to.
 */
describe('a cell on pseries', function () {
  this.timeout(120_000);
  let stage: Stage;
  beforeEach(() => (stage = new Stage()));
  afterEach(() => stage[Symbol.dispose]());

  it('has a guest that knows after a migration what it was told before', async () => {
    const { verdict, reason } = await stage.play(
      {
        hotplugs: true,
        async body(journey) {
          for (const slot of [5, 6])
            await journey.guest.insert(`virtio-net-pci,romfile=,id=h${slot},bus=pci.0,addr=0x${slot}`);
          await journey.guest.acceptPlug('h6');
          expect(await journey.migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
          await journey.guest.acceptPlug('h5');
          for (const slot of [5, 6]) await journey.guest.unplug(`h${slot}`);
        },
      },
      { machineType: 'pseries-5.2', arch: 'ppc64' },
    );
    expect(reason).to.equal('');
    expect(verdict).to.equal('passed');
  });
});
