import { expect } from 'chai';
import { Deadline } from '../../../harness/core/deadline.js';
import { ProtocolError } from '../../../harness/core/errors.js';
import { ScriptedGuest } from '../../../harness/guest/scripted.js';
import { formatAddress } from '../../../harness/pci/address.js';
import { memoryBase } from '../../../harness/pci/base-address.js';
import { configAddress, RtasAccess } from '../../../harness/pci/rtas-access.js';
import { QtestRtas } from '../../../harness/qtest/rtas.js';
import { stateAreas } from '../../../harness/record/outcome.js';
import { launchPseries } from '../guest/rtas/stage.js';
import { failure } from '../support/failure.js';
import { Launchpad } from '../support/launchpad.js';

const buid = { high: 0x08000000, low: 0x20000000 };
const card = { bus: 0, device: 0, function: 0 };
const place = 0x8000;

/**
 * 1. Configuration space is read and written in every width; what is not there reads as all ones; 4096 bytes of what has them.
 * 2. Guest RAM has afterwards what it had, whoever called at the same time; a name that QEMU does not know is told.
 * 3. A scripted guest enumerates behind a bridge, and reaches registers where the CPU finds them.
 */
describe('PCI access through RTAS', function () {
  this.timeout(60_000);

  it('reads and writes, and leaves RAM as it was', async () => {
    await using pad = new Launchpad();
    const { qtest } = await launchPseries(pad);
    const ram = await qtest.readBlock(0, 0x20000);
    const rtas = new QtestRtas(qtest, place);
    const access = new RtasAccess(rtas.call, buid);
    const [ids, vendor, device, byte, nobody] = await Promise.all([
      access.read(card, 0, 4),
      access.read(card, 0, 2),
      access.read(card, 2, 2),
      access.read(card, 1, 1),
      access.read({ ...card, device: 31 }, 0, 2),
    ]);
    expect([ids, vendor, device, byte, nobody]).to.deep.equal([0x10001af4, 0x1af4, 0x1000, 0x1a, 0xffff]);
    expect(await access.read(card, 256, 4)).to.equal(0xffffffff);
    await Promise.all([
      access.write(card, { offset: 0x3c, width: 1 }, 0x5a),
      access.write(card, { offset: 4, width: 2 }, 2),
    ]);
    expect([await access.read(card, 0x3c, 1), await access.read(card, 4, 2)]).to.deep.equal([0x5a, 2]);
    const [short, express] = await Promise.all([access.readSpace(card), access.readSpace({ ...card, device: 2 })]);
    expect([short.length, express.length]).to.deep.equal([256, 4096]);
    expect((await qtest.readBlock(0, 0x20000)).equals(ram)).to.equal(true);

    // One after the other begins where the last one puts RAM back.
    for (let index = 0; index < 20; index += 1) await access.read(card, 0, 4);
    const chains = Array.from({ length: 4 }, async () => {
      for (let index = 0; index < 20; index += 1) expect(await access.read(card, 0, 4)).to.equal(0x10001af4);
    });
    await Promise.all(chains);
    const thrown = await failure(rtas.call('ibm,nonsense', [1, 2], 2), ProtocolError);
    expect(thrown.message).to.match(/^QEMU answered \d+ to the RTAS call ibm,nonsense$/);
    expect((await qtest.readBlock(0, 0x20000)).equals(ram)).to.equal(true);
  });

  it('names registers as RTAS does', () => {
    expect(configAddress({ bus: 1, device: 3, function: 2 }, 0x4c)).to.equal(0x00011a4c);
    expect(configAddress({ bus: 0xff, device: 31, function: 7 }, 0xffc)).to.equal(0xf0fffffc);
  });

  for (const suite of ['bookworm', 'trixie'] as const) {
    it(`serves a scripted guest, on ${suite}`, async () => {
      await using pad = new Launchpad();
      const machine = await launchPseries(pad, { suite });
      const guest = ScriptedGuest.attach(machine, Deadline.after(20_000));
      const found = await guest.boot();
      expect(found.map(({ address }) => formatAddress(address))).to.deep.equal([
        ...['00:00.0', '00:01.0', '00:02.0', '00:03.0', '01:03.0'],
      ]);
      await guest.mapDevices();
      const config = await guest.configSpace();
      const network = config.get('01:03.0');
      const base = network && memoryBase(network.config, 0, 0x200000000000);
      expect(base).to.be.within(0x200080100000, 0x2000801fffff);
      // STATUS of an e1000e, little-endian whatever the processor is.
      expect((await machine.qtest.readBlock((base ?? 0) + 8, 4)).readUInt32LE()).to.equal(0x80283);
      const parts = await guest.readState(config, stateAreas);
      const keys = parts.map(({ key }) => key);
      expect(keys).to.include.members([
        ...['device-registers 00:00.0', 'device-registers 01:03.0', 'msi-x 00:00.0', 'msi-x 01:03.0'],
        ...['interrupt-controllers', 'cpu CPU 0', 'memory guest RAM'],
      ]);
      const status = parts
        .find(({ key }) => key === 'device-registers 01:03.0')
        ?.read()[0]
        ?.readings.find(({ name }) => name === 'STATUS');
      expect(status?.value).to.equal(0x80283);
      const again = await guest.readState(config, ['memory']);
      expect(again[0]?.told).to.equal(parts.find(({ key }) => key === 'memory guest RAM')?.told);
    });
  }
});
