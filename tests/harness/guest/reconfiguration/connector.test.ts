import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Deadline } from '../../../../harness/core/deadline.js';
import { GuestError } from '../../../../harness/core/errors.js';
import { DrConnector } from '../../../../harness/guest/reconfiguration/connector.js';
import { PlatformEvents } from '../../../../harness/guest/reconfiguration/platform-events.js';
import { ScriptedGuest } from '../../../../harness/guest/scripted.js';
import { cellsOf, nodeAt, readDeviceTree } from '../../../../harness/machine/device-tree.js';
import { ExecuteError } from '../../../../harness/qmp/errors.js';
import { failure } from '../../support/failure.js';
import { Launchpad } from '../../support/launchpad.js';
import { move } from '../payload/stage.js';
import { ppc64 } from '../rtas/stage.js';
import { PlayedPlatform } from './played-platform.js';

const words = [
  ...['-device', 'e1000e,id=n0,bus=pci.0,addr=0x1,romfile='],
  ...['-device', 'pci-bridge,id=bridge0,bus=pci.0,addr=0x3,chassis_nr=7'],
  ...['-device', 'e1000e,id=n1,bus=bridge0,addr=0x2,romfile='],
];
/** Pieces of a node that no guest asks for; a platform that went on for ever would hold the test with it. */
const tooMany = 2000;
const places = [
  { bus: 'bus=pci.0,addr=0x5', address: { bus: 0, device: 5, function: 0 }, index: 0x40000028 },
  { bus: 'bus=bridge0,addr=0x4', address: { bus: 1, device: 4, function: 0 }, index: 0x40000720 },
];

/**
 * What a guest of a pseries machine does through dynamic reconfiguration connectors, without a vCPU:
 * 1. Plug, unplug, and plug again, on the root bus and behind a bridge, with guest RAM as it was; cold-plugged devices too.
 * 2. A connector has the index that the device tree gives it.
 * 3. What nobody asked for is not done, and what was asked instead is told; requests of several slots and functions wait for their turn.
 * 4. A connector that is empty, isolated or without a bridge that can be unplugged is told as QEMU tells it.
 * 5. A request that was never answered is forgotten with the device; one that the guest was told of is known after a migration.
 * 6. A device of another host bridge is refused.
 * 7. A node without an end is an error that shows its last piece.
 * 8. A reset takes what was asked back and not let go, and ends all requests; RTAS knows no connectors of other machines.
 */
for (const suite of ['bookworm', 'trixie'] as const) {
  describe(`dynamic reconfiguration on ${suite}`, function () {
    this.timeout(60_000);
    let pad: Launchpad;

    beforeEach(() => {
      pad = new Launchpad();
    });

    afterEach(() => pad[Symbol.asyncDispose]());

    const start = async (): Promise<ScriptedGuest> => {
      const machine = await pad.launch({
        build: await ppc64(suite),
        machineType: 'pseries-5.2',
        memoryMiB: 256,
        words,
      });
      return ScriptedGuest.attach(machine, Deadline.after(30_000));
    };
    const ids = async (guest: ScriptedGuest): Promise<string[]> =>
      [...(await guest.configSpace()).values()].map(({ id }) => id);

    it('plugs and unplugs', async () => {
      const guest = await start();
      await guest.boot();
      const ram = await guest.machine.qtest.readBlock(0, 0x20000);
      for (const { bus, address, index } of places) {
        for (let round = 0; round < 2; round += 1) {
          await guest.hotplug(`virtio-net-pci,id=h0,romfile=,${bus}`);
          const found = [...(await guest.configSpace()).values()].find(({ id }) => id === 'h0');
          expect(found?.address).to.deep.equal(address);
          const connector = await guest.connector('h0');
          expect(connector.index).to.equal(index);
          expect(await connector.entitySense()).to.equal('present');
          expect(cellsOf(await connector.configure(), 'reg')?.[0]).to.equal(
            (address.bus << 16) | (address.device << 11),
          );
          await guest.unplug('h0');
          expect(await connector.entitySense()).to.equal('empty');
          expect(await ids(guest)).to.not.include('h0');
        }
      }
      await guest.unplug('n0');
      await guest.unplug('n1');
      expect(await ids(guest)).to.deep.equal(['bridge0']);
      expect((await guest.machine.qtest.readBlock(0, 0x20000)).equals(ram)).to.equal(true);
    });

    it('knows connectors by the indexes of the device tree', async () => {
      const guest = await start();
      const filename = join(pad.folder, 'tree');
      await guest.machine.qmp.execute('dumpdtb', { filename });
      const tree = readDeviceTree(readFileSync(filename));
      const paths = { n0: '/pci/ethernet@1', bridge0: '/pci/pci@3', n1: '/pci/pci@3/ethernet@2' };
      for (const [id, path] of Object.entries(paths)) {
        const node = nodeAt(tree, path);
        const { index } = await guest.connector(id);
        expect(node && cellsOf(node, 'ibm,my-drc-index'), id).to.deep.equal([index]);
      }
    });

    it('does what it is asked to and nothing else', async () => {
      const guest = await start();
      const slot = await guest.connector('n0');
      const nothing = await failure(guest.releaseDevice('n0'), GuestError);
      expect(nothing.message).to.equal(
        'the platform asks for nothing to remove in the slot of n0 (DR connector 0x40000008): check-exception told of nothing',
      );
      await guest.machine.qmp.execute('system_powerdown');
      await guest.insert('virtio-net-pci,id=h0,romfile=,bus=pci.0,addr=0x5');
      const other = await failure(slot.acceptPlug(), GuestError);
      expect(other.message).to.match(/check-exception told of add 0x40000028, an event of type 0x40$/);
      expect(await ids(guest)).to.include.members(['n0', 'h0']);
      await guest.acceptPlug('h0');

      await guest.machine.qmp.execute('system_powerdown');
      await guest.hotplug('virtio-net-pci,id=h1,romfile=,bus=pci.0,addr=0x6');
      await guest.unplug('h1');
      await guest.unplug('n0');
      expect(await ids(guest)).to.not.include.members(['n0', 'h1']);
    });

    it('takes requests in any order or at once, and all functions of a device', async () => {
      const guest = await start();
      const card = (place: string): string => `virtio-net-pci,romfile=,multifunction=on,bus=pci.0,${place}`;
      await guest.insert(card('id=h1,addr=0x5.0x1'));
      const early = await failure(guest.acceptPlug('h1'), GuestError);
      expect(early.message).to.match(/check-exception told of nothing$/);
      await guest.insert(card('id=h0,addr=0x5.0x0'));
      await guest.insert(card('id=h2,addr=0x6'));
      for (const id of ['h2', 'h1', 'h0']) await guest.acceptPlug(id);
      // Function 0 is asked back with all the others.
      await guest.unplug('h0');
      await guest.releaseDevice('h1');
      await guest.unplug('h2');
      expect(await ids(guest)).to.deep.equal(['n0', 'bridge0', 'n1']);

      const ram = await guest.machine.qtest.readBlock(0, 0x20000);
      const slots = [5, 6, 7, 8];
      await Promise.all(slots.map((slot) => guest.hotplug(card(`id=p${slot},addr=${slot}`))));
      await Promise.all(slots.map((slot) => guest.unplug(`p${slot}`)));
      expect(await ids(guest)).to.deep.equal(['n0', 'bridge0', 'n1']);
      expect((await guest.machine.qtest.readBlock(0, 0x20000)).equals(ram)).to.equal(true);
    });

    it('tells what a connector does not do', async () => {
      const guest = await start();
      await guest.insert('virtio-net-pci,id=h0,romfile=,bus=pci.0,addr=0x5');
      const slot = await guest.connector('h0');
      const isolated = await failure(slot.configure(), GuestError);
      expect(isolated.message).to.match(/^ibm,configure-connector answered -9003: /);
      await slot.unisolate();
      const begun = await slot.askForNode(4);
      expect(begun.map(({ kind }) => kind)).to.deep.equal(['child', 'property', 'property', 'property']);
      const half = await failure(slot.isolate(), GuestError);
      expect(half.message).to.equal(
        'set-indicator answered -3 to isolation-state 0 of the slot of h0 (DR connector 0x40000028)',
      );
      expect(cellsOf(await slot.configure(begun), 'ibm,my-drc-index')).to.deep.equal([slot.index]);
      // The request to add it is still there, and does not matter.
      await guest.unplug('h0');
      const forgotten = await failure(slot.takeRequest('add'), GuestError);
      expect(forgotten.message).to.match(/check-exception told of nothing$/);
      const empty = await failure(slot.unisolate(), GuestError);
      expect(empty.message).to.match(/^set-indicator answered -3 to isolation-state 1 /);
      const bridge = await failure(guest.unplug('bridge0'), ExecuteError);
      expect(bridge.message).to.match(/Hot unplug of PCI bridges not supported/);
    });

    it('knows after a migration what the guest was told', async () => {
      const guest = await start();
      const cards = [5, 6].map((slot) => `virtio-net-pci,romfile=,id=h${slot},bus=pci.0,addr=${slot}`);
      for (const card of cards) await guest.insert(card);
      await guest.acceptPlug('h6');
      const destination = await pad.launch({
        ...{
          build: await ppc64(suite),
          machineType: 'pseries-5.2',
          memoryMiB: 256,
          label: 'destination',
          incoming: true,
        },
        words: [...words, ...cards.flatMap((card) => ['-device', card])],
      });
      await move(guest.machine, destination);
      const arrived = ScriptedGuest.resume(destination, Deadline.after(30_000), guest);
      await arrived.acceptPlug('h5');
      for (const id of ['h5', 'h6']) await arrived.unplug(id);
      expect(await ids(arrived)).to.deep.equal(['n0', 'bridge0', 'n1']);
    });

    it('is that of one host bridge', async () => {
      const machine = await pad.launch({
        ...{ build: await ppc64(suite), machineType: 'pseries-5.2', memoryMiB: 256 },
        words: [
          ...[...words, '-device', 'spapr-pci-host-bridge,id=host1,index=1'],
          ...['-device', 'pci-bridge,id=bridge1,bus=host1.0,addr=0x3,chassis_nr=8'],
          ...['-device', 'e1000e,id=far,bus=bridge1,addr=0x1,romfile='],
        ],
      });
      const guest = ScriptedGuest.attach(machine, Deadline.after(30_000));
      for (const id of ['bridge1', 'far']) {
        expect((await failure(guest.connector(id), GuestError)).message).to.equal(
          `the slot of ${id} is below host bridge 1; a guest here knows host bridge 0 alone`,
        );
      }
      expect((await guest.connector('n1')).index).to.equal(0x40000710);
    });

    it('ends with a reset what was asked for', async () => {
      const guest = await start();
      await guest.boot();
      await guest.insert('virtio-net-pci,id=h0,romfile=,bus=pci.0,addr=0x5');
      await guest.machine.qmp.execute('device_del', { id: 'n1' });
      const slot = await guest.connector('n1');
      await failure(slot.takeRequest('add'), GuestError);
      await guest.releaseDevice('n1', () => guest.reset());
      expect(await ids(guest)).to.deep.equal(['n0', 'bridge0', 'h0']);
      const forgotten = await failure(guest.acceptPlug('h0'), GuestError);
      expect(forgotten.message).to.match(/check-exception told of nothing$/);
    });
  });
}

describe('a connector of a platform that is played', () => {
  it('has a node with an end', async () => {
    let calls = 0;
    const rtas = new PlayedPlatform(([at = 0], ram) => {
      for (const [word, place] of [20, 4, 24].map((word, index) => [word, 8 + 4 * index] as const)) {
        ram.writeUInt32BE(word, at + place);
      }
      ram.write('reg\0', at + 20, 'latin1');
      calls += 1;
      return calls < tooMany ? 3 : 0;
    });
    const place = { index: 0x40000028, address: { bus: 0, device: 5, function: 0 }, name: 'the slot of h0' };
    const slot = new DrConnector({ rtas, events: new PlatformEvents(rtas) }, place);
    expect(await slot.askForNode(5)).to.have.length(5);
    expect((await failure(slot.configure(), GuestError)).message).to.equal(
      'ibm,configure-connector told 1000 pieces of the node of the slot of h0 (DR connector 0x40000028), and of no end; the last one is the property reg',
    );
    expect(rtas.isUntouched).to.equal(true);
  });
});

describe('dynamic reconfiguration elsewhere', () => {
  it('is not there', async () => {
    await using pad = new Launchpad();
    const machine = await pad.launch({ machineType: 'pc-q35-6.0', words: ['-device', 'e1000e,id=n0,romfile='] });
    const guest = ScriptedGuest.attach(machine, Deadline.after(20_000));
    const refused = await failure(guest.connector('n0'), GuestError);
    expect(refused.message).to.equal('there are no dynamic reconfiguration connectors on pc-q35-6.0');
  });
});
