import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Sandbox } from './sandbox.js';

/** Devices of a host with VFIO hardware or mediated devices, which this one has not: by the words in front of QEMU's own answer. */
const devices = {
  host: 'vfio-pci,host=ffff:1f:1f.7,id=card0,x-no-kvm-msix=on',
  sysfsdev: 'vfio-pci,sysfsdev=/sys/bus/mdev/devices/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001,id=card0,enable-migration=on',
};

/**
 * 1. A device of the host in a user's scenario reaches QEMU's command line, and the script that does the same without Godwit, as it was written.
 * 2. On a host that has no such device the cell's reason is QEMU's own answer, with the device in it, and the run ends.
 */
describe('a scenario with a VFIO device of the host', () => {
  let sandbox: Sandbox;
  beforeEach(() => (sandbox = new Sandbox()));
  afterEach(() => sandbox[Symbol.dispose]());

  for (const [how, device] of Object.entries(devices)) {
    it(`by ${how}`, async () => {
      const body = 'expect(await journey.migrate()).to.be.completed;';
      const file = sandbox.scenario('card', { card: body }, `devices: '-device ${device}',`);
      const { exitCode, stdout } = await sandbox.run(file);
      const [cell] = sandbox.finished();
      expect(exitCode).to.equal(1);
      expect(cell?.result.reason).to.include(`-device ${device}: vfio `);
      expect(stdout).to.include('exited with status 1').and.include('no such host device');
      const script = readFileSync(sandbox.path('godwit-out', cell?.result.folder ?? '?', 'source.sh'), 'utf8');
      expect(script).to.include(device);
    });
  }
});
