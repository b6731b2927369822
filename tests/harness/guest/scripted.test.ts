import { expect } from 'chai';
import { Deadline } from '../../../harness/core/deadline.js';
import { GuestError } from '../../../harness/core/errors.js';
import { AcpiHotplug, hasAcpiHotplug } from '../../../harness/guest/acpiphp.js';
import { ScriptedGuest } from '../../../harness/guest/scripted.js';
import type { Machine } from '../../../harness/machine/machine.js';
import { topology } from '../../../harness/machine/topology.js';
import { splitWords } from '../../../harness/machine/words.js';
import { ExecuteError } from '../../../harness/qmp/errors.js';
import { failure } from '../support/failure.js';
import { Launchpad, type Suite } from '../support/launchpad.js';

const acpiPort = 0x0cc0;
const emptySlot = splitWords('-device pcie-root-port,id=rp0,bus=pcie.0,addr=0x4,chassis=1,slot=1');
const nic = 'e1000e,id=n0,bus=rp0,romfile=';

async function guestOf(pad: Launchpad, build: Suite, wish: { type: string; words: string[] }): Promise<ScriptedGuest> {
  const machine = await pad.launch({ build, machineType: wish.type, words: wish.words });
  return ScriptedGuest.attach(machine, Deadline.after(20_000));
}

async function ids(machine: Machine): Promise<string[]> {
  const objects = await machine.qmp.execute('qom-list', { path: '/machine/peripheral' });
  return objects.map(({ name }) => name).filter((name) => name !== 'type');
}

/**
 * What a guest does to the slots of released QEMUs:
 * 1. The slot that the guest powered off reads as in the bug report.
 * 2. Plug, unplug, and plug again, with the guest's consent, where pciehp serves the slot and where ACPI does.
 * 3. A guest that nobody asked consents to nothing, and says what it saw.
 * 4. A reset makes a machine as new, and it boots again.
 * 5. A device that QEMU never says is deleted is told, and the machine has what it had before but for that device.
 */
for (const build of ['bookworm', 'trixie'] as const) {
  describe(`a scripted guest on ${build}`, () => {
    let pad: Launchpad;

    beforeEach(() => {
      pad = new Launchpad();
    });

    afterEach(() => pad[Symbol.asyncDispose]());

    it('powers a slot on and off', async () => {
      const words = topology('root-port-off-function-0');
      const guest = await guestOf(pad, build, { type: 'pc-q35-6.0', words });
      const slot = await guest.slot('pcie-root-port18');
      expect(await slot.isHotPlugCapable()).to.equal(true);
      expect(await Promise.all([slot.control(), slot.status()])).to.deep.equal([0x07c0, 0x0040]);
      await slot.powerOn();
      expect(await slot.control()).to.equal(0x01c0);
      expect((await slot.status()) & 0x0040).to.equal(0x0040);
      await slot.powerOff();
      expect(await Promise.all([slot.control(), slot.status()])).to.deep.equal([0x07c0, 0x0018]);
      expect(await ids(guest.machine)).to.deep.equal(['pcie-root-port18']);
    });

    for (const [type, isAcpi] of [
      ['pc-q35-6.0', false],
      ['pc-q35-6.1', true],
    ] as const) {
      it(`plugs and unplugs through ${isAcpi ? 'ACPI' : 'pciehp'} on ${type}`, async () => {
        const guest = await guestOf(pad, build, { type, words: emptySlot });
        expect(await hasAcpiHotplug(guest.machine.qtest, acpiPort)).to.equal(isAcpi);
        for (let round = 0; round < 2; round += 1) {
          await guest.hotplug(nic);
          expect(await ids(guest.machine)).to.have.members(['rp0', 'n0']);
          expect(guest.machine.words).to.deep.equal([...emptySlot, '-device', nic]);
          const plugged = [...(await guest.configSpace()).values()].find(({ id }) => id === 'n0');
          expect(plugged?.address).to.deep.equal({ bus: 1, device: 0, function: 0 });
          expect(Buffer.from(plugged?.config.subarray(0, 4) ?? []).toString('hex')).to.equal('8680d310');
          await guest.unplug('n0');
          expect(await ids(guest.machine)).to.deep.equal(['rp0']);
          expect(guest.machine.words).to.deep.equal(emptySlot);
          expect([...(await guest.configSpace()).values()].map(({ id }) => id)).to.not.include('n0');
        }
      });
    }

    it('plugs and unplugs through pciehp where ACPI is switched off', async () => {
      const off = ['-global', 'ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off'];
      const guest = await guestOf(pad, build, { type: 'pc-q35-7.2', words: [...emptySlot, ...off] });
      expect(await hasAcpiHotplug(guest.machine.qtest, acpiPort)).to.equal(false);
      await guest.hotplug(nic);
      await guest.unplug('n0');
      expect(await ids(guest.machine)).to.deep.equal(['rp0']);
    });

    it('lets nothing go that nobody asked for, on pciehp', async () => {
      const guest = await guestOf(pad, build, { type: 'pc-q35-6.0', words: [...emptySlot, '-device', nic] });
      const slot = await guest.slot('rp0');
      const release = await failure(slot.releaseDevice(), GuestError);
      expect(release.message).to.equal('nobody pressed the attention button of the slot of rp0: Slot Status is 0x40');
      const accept = await failure(slot.acceptPlug(), GuestError);
      expect(accept.message).to.equal('the slot of rp0 reports no new device: Slot Status is 0x40');
      expect(await slot.status()).to.equal(0x0040);
      expect(await ids(guest.machine)).to.have.members(['rp0', 'n0']);
    });

    it('lets nothing go that nobody asked for, on ACPI', async () => {
      const guest = await guestOf(pad, build, { type: 'pc-q35-6.1', words: [...emptySlot, '-device', nic] });
      await guest.boot();
      const path = '/machine/peripheral/rp0/rp0';
      const bsel = await guest.machine.qmp.execute('qom-get', { path, property: 'acpi-pcihp-bsel' });
      expect(bsel).to.be.a('number');
      const at = { bsel: Number(bsel), device: 0, name: 'the slot of n0' };
      const slot = new AcpiHotplug(guest.machine.qtest, acpiPort, at);
      const release = await failure(slot.releaseDevice(), GuestError);
      expect(release.message).to.match(
        /^ACPI reports no request to eject the slot of n0: PCI_DOWN of bus selector \d+ is 0x0$/,
      );
      const accept = await failure(slot.acceptPlug(), GuestError);
      expect(accept.message).to.match(
        /^ACPI reports no new device in the slot of n0: PCI_UP of bus selector \d+ is 0x0$/,
      );
      expect(await ids(guest.machine)).to.have.members(['rp0', 'n0']);
      expect(() => new AcpiHotplug(guest.machine.qtest, acpiPort, { ...at, bsel: 256 })).to.throw(GuestError);
    });

    it('says what cannot be plugged or unplugged', async () => {
      const guest = await guestOf(pad, build, { type: 'pc-q35-6.0', words: emptySlot });
      expect((await failure(guest.hotplug('e1000e,bus=rp0'), GuestError)).message).to.match(
        /needs an id to be hotplugged$/,
      );
      await failure(guest.hotplug('e1000e,id=n0,bus=nowhere'), ExecuteError);
      const unknown = await failure(guest.unplug('n7'), GuestError);
      expect(unknown.message).to.match(/has no PCI device with the id 'n7'; it has: rp0$/);
      expect((await failure(guest.unplug('rp0'), GuestError)).message).to.match(
        /on the root bus cannot be hot-plugged/,
      );
      expect(guest.machine.words).to.equal(guest.machine.spec.words);
    });

    it('resets, and boots again', async () => {
      const guest = await guestOf(pad, build, { type: 'pc-q35-6.0', words: [...emptySlot, '-device', nic] });
      const device = { bus: 1, device: 0, function: 0 };
      const interruptLine = 0x3c;
      await guest.boot();
      await guest.access.write(device, { offset: interruptLine, width: 1 }, 0x0b);
      const before = (await guest.configSpace()).get('01:00.0');
      expect(before).to.deep.include({ id: 'n0', address: device });
      expect(before?.config[interruptLine]).to.equal(0x0b);
      await guest.reset();
      const after = (await guest.configSpace()).get('01:00.0');
      expect(after).to.deep.include({ id: 'n0', address: device });
      expect(after?.config[interruptLine]).to.equal(0);
      await guest.unplug('n0');
      await guest.reset();
      expect([...(await guest.configSpace()).values()].map(({ id }) => id)).to.not.include('n0');
    });

    it('takes over without touching anything', async () => {
      const sent: string[] = [];
      const machine = await pad.launch({
        build,
        machineType: 'pc-q35-6.0',
        onSend: (_label, channel, line) => sent.push(`${channel} ${line}`),
      });
      sent.length = 0;
      const guest = ScriptedGuest.resume(machine, Deadline.after(5000));
      expect(await guest.boot()).to.deep.equal([]);
      expect(sent).to.deep.equal([]);
    });
  });
}

describe('a scripted guest of a device that is never deleted', () => {
  for (const type of ['pc-q35-6.0', 'pc-q35-6.1']) {
    it(`tells so on ${type}, and leaves nothing in its place`, async () => {
      await using pad = new Launchpad();
      const guest = await guestOf(pad, 'bookworm', { type, words: emptySlot });
      const controller = 'qemu-xhci,id=usb0,bus=rp0';
      await guest.hotplug(controller);
      const thrown = await failure(guest.unplug('usb0'), GuestError);
      expect(thrown.message).to.match(/^QEMU took usb0 out of its slot and never said DEVICE_DELETED: /);
      expect(guest.machine.words).to.deep.equal([...emptySlot, '-device', controller]);
      expect([...(await guest.configSpace()).values()].map(({ id }) => id)).to.deep.equal(['', 'rp0', '', '', '']);
    });
  }
});
