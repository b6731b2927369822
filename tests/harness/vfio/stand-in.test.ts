import { join } from 'node:path';
import { execa } from 'execa';
import { traceOrder } from '../../../harness/stream/compare/trace-order.js';
import { expect } from '../../../harness/scenario/expectations.js';
import { type StandInDevice, standInId } from '../../../harness/vfio/stand-in/device.js';
import { standInRemark } from '../../../harness/vfio/stand-in/library.js';
import { Stage } from '../scenario/stage.js';

const address = { bus: 0, device: 4, function: 0 };
const properties = { addr: '0x4' };
const original = { vendorSpecific: [0x11, 0x12], properties };

const vfio = (destination: StandInDevice) => () => ({ source: original, destination });

/**
 * QEMU's own vfio-pci on the stand-in for the kernel, version 1 of its protocol (bookworm) and version 2 (trixie):
 * 1. The guest sees the configuration space that the scenario gives the device.
 * 2. What the guest wrote into the device's registers is on the destination: the device's state went there.
 * 3. What the destination's own device shows decides, and the refused byte is named.
 * 4. The load order is what the trace and the stream say.
 * 5. A device that the guest gave back is on no destination.
 * 6. The script of a cell does the same without Godwit.
 * 7. Every cell says that its kernel is a stand-in.
 */
describe('the stand-in for the VFIO of the kernel', () => {
  let stage: Stage;
  beforeEach(() => (stage = new Stage()));
  afterEach(() => stage[Symbol.dispose]());

  for (const [build, machineType] of [
    ['bookworm', 'pc-q35-7.2'],
    ['trixie', 'pc-q35-10.0'],
  ] as const) {
    it(`carries configuration space and state of a device on ${build}`, async () => {
      const result = await stage.play(
        {
          vfio: vfio(original),
          loadOrder: true,
          async body(journey) {
            const { guest } = journey;
            await guest.mapDevices();
            const space = Buffer.from(await guest.access.readSpace(address, 0x100));
            expect(space.subarray(0x80, 0x85).toString('hex')).to.equal('0900051112');
            expect(space.subarray(0x60, 0x6c).toString('hex')).to.equal('118002000020000000300000');
            const registers = space.readUInt32LE(0x10);
            await journey.machine.qtest.writeMemory(registers + 0xffc, 4, 0xc0ffee);
            const outcome = await journey.migrate({ relay: { tee: 'whole' } });
            expect(outcome).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
            expect(outcome).to.not.log(/is loaded before/);
            // Version 2 of the protocol gives a device what has come for it when it leaves RESUMING, which is when its machine runs.
            await journey.machine.qmp.execute('cont');
            await journey.machine.qmp.execute('stop');
            expect(await journey.machine.qtest.readMemory(registers + 0xffc, 4)).to.equal(0xc0ffee);
            const names = traceOrder(journey.machine.trace()).map(({ name }) => name);
            const [data, controller, config] = ['/vfio data-state', 'apic', '/vfio config-state'].map((step) =>
              names.findIndex((name) => name.endsWith(step)),
            );
            expect([data, controller, config]).to.deep.equal([data, controller, config].sort((a = 0, b = 0) => a - b));
            expect(data).to.be.greaterThan(-1);
          },
        },
        { route: [build, build], machineType },
      );
      expect(result.verdict, result.reason).to.equal('passed');
      expect(result.remarks).to.deep.equal([standInRemark]);
    });
  }

  it('has the device of the destination decide, and the refused byte named; its script does the same', async () => {
    const result = await stage.play(
      {
        vfio: vfio({ ...original, vendorSpecific: [0x22, 0x12] }),
        async body({ migrate }) {
          const outcome = await migrate();
          expect(outcome)
            .to.have.failedOn('destination')
            .with.finding('config-mismatch', { offset: 0x83, read: 0x11, device: 0x22 })
            .and.log(/^Vendor-Specific byte 0x3 of vfio0 \(00:04\.0\)/);
        },
      },
      { route: ['bookworm', 'bookworm'] },
    );
    expect(result.verdict, result.reason).to.equal('passed');
    const { all } = await execa('bash', [join(stage.logs, 'reproduce.sh')], { all: true, reject: false });
    expect(all).to.match(/Bad config data: i=0x83 read: 11 device: 22/);
  });

  it('starts a destination without the device that the guest gave back', async () => {
    const behind = { ...original, properties: { bus: 'port0' } };
    const result = await stage.play(
      {
        devices: '-device pcie-root-port,id=port0,chassis=1,addr=0x5',
        vfio: () => ({ source: behind, destination: { ...behind, vendorSpecific: [0x22, 0x12] } }),
        async body(journey) {
          await journey.guest.unplug(standInId);
          expect(await journey.migrate()).to.be.completed.with.cleanLogs;
          const words = journey.machine.words.join(' ');
          expect(words).to.include('port0');
          expect(words).to.not.include(standInId);
        },
      },
      { machineType: 'pc-q35-6.0', route: ['trixie', 'trixie'] },
    );
    expect(result.verdict, result.reason).to.equal('passed');
  });
});
