import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { after, before } from 'mocha';
import { Deadline } from '../../../harness/core/deadline.js';
import { ScriptedGuest } from '../../../harness/guest/scripted.js';
import { splitWords } from '../../../harness/machine/words.js';
import { type Capture, devicesOf, readCapture, sectionsOf } from '../../../harness/stream/capture.js';
import { configSpaceOf } from '../../../harness/stream/state/config-space.js';
import { eachValue, valueOf } from '../../../harness/stream/state/fields.js';
import { readStreamFile, StreamFeed } from '../../../harness/stream/input.js';
import { captureFile } from '../support/captured.js';
import { Launchpad } from '../support/launchpad.js';

const devices = splitWords(
  [
    '-device pcie-root-port,port=18,chassis=19,id=port18,bus=pcie.0,addr=0x12',
    '-device nec-usb-xhci,id=usb0,bus=port18',
    '-device virtio-net-pci,id=net0,romfile=,mac=52:54:00:12:34:56',
    '-device e1000e,id=nic1,romfile=',
    '-device ich9-ahci,id=ahci0',
    '-device intel-iommu',
  ].join(' '),
);

/**
 * Captures of real machines with devices of several kinds:
 * 1. Every section ends where its footer is, and the description fits every device to the byte.
 * 2. The pages of RAM add up to the RAM blocks.
 * 3. The configuration spaces are those that the guest saw before the migration.
 * 4. Bytes may come in any portions: the capture is the same.
 */
for (const build of ['bookworm', 'trixie'] as const) {
  describe(`a stream of ${build}`, () => {
    let pad: Launchpad;
    let path: string;
    let capture: Capture;
    let seen: Map<string, Uint8Array>;
    before(async () => {
      pad = new Launchpad();
      const source = await pad.launch({ build, machineType: 'pc-q35-7.2', words: devices });
      const guest = ScriptedGuest.attach(source, Deadline.after(20_000));
      seen = new Map([...(await guest.configSpace())].map(([address, { config }]) => [address, config]));
      path = await captureFile(source);
      capture = readStreamFile(path, (bytes) => readCapture(bytes));
    });
    after(() => pad[Symbol.asyncDispose]());

    it('says what machine it is of, and is described to the byte', () => {
      expect(capture.configuration).to.deep.include({ machineType: 'pc-q35-7.2', pageBytes: 4096 });
      expect(capture.trailingBytes).to.equal(0);
      const states = devicesOf(capture);
      expect(states).to.have.length.above(25);
      expect(states.filter(({ fields }) => !fields).map(({ section }) => section.name)).to.deep.equal([]);
      const ends = sectionsOf(capture).map(({ section }) => section.bodyOffset + section.bodyBytes + 5);
      // A section that came in rounds is told once, with the place of the first round.
      expect(ends.slice(2)).to.deep.equal(
        sectionsOf(capture)
          .map(({ section }) => section.end)
          .slice(2),
      );
    });

    it('sends every page of RAM once', () => {
      const pages = sectionsOf(capture).reduce((sum, { section }) => {
        const { zeroPages = 0, rawPages = 0 } = section.name === 'ram' ? (section.content?.counts ?? {}) : {};
        return sum + zeroPages + rawPages;
      }, 0);
      expect(capture.blocks.map(({ name }) => name)).to.include('pc.ram');
      expect(pages * 4096).to.equal(capture.blocks.reduce((sum, { bytes }) => sum + bytes, 0));
    });

    it('holds configuration space as the guest saw it', () => {
      const found: string[] = [];
      for (const { section, fields = [], body } of devicesOf(capture)) {
        const address = /^0000:(00:[\da-f]{2}\.\d)\//.exec(section.name)?.[1];
        const space = configSpaceOf(fields, body);
        const before = address === undefined ? undefined : seen.get(address);
        if (!space || !before || address === undefined) continue;
        found.push(address);
        const size = Math.min(space.config.length, before.length);
        expect(space.config.toString('hex', 0, size), section.name).to.equal(
          Buffer.from(before.subarray(0, size)).toString('hex'),
        );
      }
      expect(found).to.have.length.above(6);
    });

    it('names the values of virtio and of MSI-X, which QEMU does not describe', () => {
      const network = devicesOf(capture).find(({ section }) => section.name.endsWith('/virtio-net'));
      const values = new Map<string, string>();
      eachValue(network?.fields ?? [], (names, field) =>
        values.set(names.join('/'), valueOf(field, network?.body ?? Buffer.alloc(0))),
      );
      expect(values.get('virtio/queues')).to.equal('0x00000003');
      expect(values.get('virtio/msix/vector[0]/Vector Control')).to.equal('0x00000001');
      expect(values.get('virtio/virtio/extra_state/virtio_pci/modern_state/vq[0]/enabled')).to.equal('false');
      expect(values.get('virtio/device')).to.match(/^525400123456/);
    });

    it('is the same in any portions', () => {
      const whole = readFileSync(path);
      for (const portion of [1, 3, 1000, 65_536]) {
        const feed = new StreamFeed((bytes) => readCapture(bytes));
        for (let at = 0; at < whole.length; at += portion) feed.push(whole.subarray(at, at + portion));
        expect(feed.end(), `portions of ${portion} bytes`).to.deep.equal(capture);
      }
    });
  });
}
