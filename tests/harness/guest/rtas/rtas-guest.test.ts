import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { Deadline } from '../../../../harness/core/deadline.js';
import { ConnectError, GuestError, UsageError, WaitTimeoutError } from '../../../../harness/core/errors.js';
import { rtasImage } from '../../../../harness/guest/rtas/image.js';
import { RtasGuest } from '../../../../harness/guest/rtas/rtas-guest.js';
import { isEvent } from '../../../../harness/qmp/messages.js';
import { failure } from '../../support/failure.js';
import { Launchpad } from '../../support/launchpad.js';
import { move } from '../payload/stage.js';
import { launchPseries, launchRtas, startRtas } from './stage.js';

const card = '00:00.0';

/**
 * 1. Calls are made, with tokens of the device tree; what the hypervisor or the tree does not know is told.
 * 2. Configuration space and the MSI-X table are those that the guest has, on both sides of a migration; a call that is under way when the
 *    guest moves is answered on the destination.
 * 3. It plugs a device in and lets it go while it runs, on whichever machine it is; QEMU says DEVICE_DELETED once its vCPU has paused.
 * 4. A guest that is no such guest, is silent, was reset or is dead gives an error that says what was asked and what was heard last.
 */
describe('the RTAS guest', function () {
  this.timeout(60_000);

  for (const suite of ['bookworm', 'trixie'] as const) {
    it(`makes calls and goes with a migration, on ${suite}`, async () => {
      await using pad = new Launchpad();
      await using guest = await startRtas(pad, { suite });
      expect(guest.property(card, 'ibm,req#msi-x')).to.deep.equal([3]);
      expect(guest.property(card, 'ibm,req#msi')).to.equal(undefined);
      expect(guest.property('00:02.0', 'ibm,req#msi')).to.deep.equal([1]);
      await guest.mapDevices();
      const granted = { status: 0, count: 3, sequence: 2, type: 2 };
      expect(await guest.changeMsi(card, { function: 1, count: 3 })).to.deep.equal(granted);
      const table = await guest.msixTable(card);
      expect(table.filter(({ name }) => name.includes('Data')).map(({ value }) => value)).to.deep.equal([
        ...[0x1300, 0x1301, 0x1302],
      ]);
      const space = await guest.configSpace(card);
      expect([space.length, Buffer.from(space).readUInt32LE(0)]).to.deep.equal([256, 0x10001af4]);

      const destination = await launchRtas(pad, { suite, incoming: true, label: 'destination' });
      const calls = Array.from({ length: 200 }, (_, index) => guest.interruptSource(card, index % 3));
      await move(guest.machine, destination);
      await guest.arrive(destination);
      await destination.qmp.execute('cont');
      const sources = (await Promise.all(calls)).map(({ source }) => source);
      expect(new Set(sources)).to.deep.equal(new Set([0x1300, 0x1301, 0x1302]));
      expect(await guest.msixTable(card)).to.deep.equal(table);
      expect(Buffer.from(await guest.configSpace(card)).equals(space)).to.equal(true);
    });
  }

  it('plugs and unplugs while it runs, and after a migration', async () => {
    await using pad = new Launchpad();
    await using guest = await startRtas(pad);
    await guest.hotplug('virtio-net-pci,id=h0,romfile=,bus=pci.0,addr=0x5');
    expect(Buffer.from(await guest.configSpace('00:05.0')).readUInt32LE(0)).to.equal(0x10001af4);
    const words = ['-bios', await rtasImage(), '-device', 'virtio-net-pci,id=h0,romfile=,bus=pci.0,addr=0x5'];
    const destination = await launchPseries(pad, { incoming: true, label: 'destination', words });
    await move(guest.machine, destination);
    await guest.arrive(destination);
    await destination.qmp.execute('cont');
    const slot = await guest.connector('h0');
    expect([slot.index, await slot.entitySense()]).to.deep.equal([0x40000028, 'present']);
    const late = await failure(guest.unplug('h0'), WaitTimeoutError);
    expect(late.message).to.match(/^waited \d+ ms for DEVICE_DELETED of h0; /);
    expect(await slot.entitySense()).to.equal('empty');
    const deleted = destination.deletionOf('h0', Deadline.after(5000));
    await destination.qmp.execute('stop');
    await deleted;

    expect((await failure(guest.hotplug('e1000e,romfile='), GuestError)).message).to.match(
      /needs an id to be hotplugged$/,
    );
    const unknown = await failure(guest.connector('h0'), GuestError);
    expect(unknown.message).to.equal(
      "the destination QEMU has no PCI device with the id 'h0'; it has: net0, net1, usb0, bridge0, net2",
    );
  });

  it('tells what cannot be called', async () => {
    await using pad = new Launchpad();
    await using guest = await startRtas(pad);
    const unknown = await failure(guest.rtas('ibm,nonsense', [], 1), UsageError);
    expect(unknown.message).to.match(/^the device tree has no RTAS call 'ibm,nonsense'; it has: .*ibm,change-msi/);
    const refused = await failure(guest.rtas(0x2fff, [], 1), GuestError);
    expect(refused.message).to.equal('the hypervisor answered -4 to the RTAS call 12287');
    const long = await failure(guest.rtas('ibm,change-msi', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 4), UsageError);
    expect(long.message).to.equal('an RTAS call of 17 words does not fit; accepted: 16');
    expect(
      (
        await failure(
          Promise.resolve().then(() => guest.property('00:1f.0', 'reg')),
          GuestError,
        )
      ).message,
    ).to.equal('the device tree has no PCI function 00:1f.0');
    expect(await guest.interruptSource(card, 0)).to.deep.equal({ status: -1, source: 0, trigger: 0 });
  });

  it('is not taken for what says something else', async () => {
    await using pad = new Launchpad();
    const machine = await launchPseries(pad);
    const thrown = await failure(RtasGuest.attach(machine, Deadline.after(3000)), GuestError);
    expect(thrown.message).to.match(
      /^the RTAS guest did not answer within \d+ ms when asked for its hello; last heard: [\da-f]{2}/,
    );
  });

  it('that is stopped, reset or dead is told of', async () => {
    await using pad = new Launchpad();
    const machine = await launchRtas(pad);
    const guest = await RtasGuest.attach(machine, Deadline.after(5000));
    await guest.interruptSource(card, 0);
    await machine.qmp.execute('stop');
    const silent = await failure(guest.interruptSource(card, 0), GuestError);
    expect(silent.message).to.match(
      /^the RTAS guest did not answer within \d+ ms when asked for the RTAS call ibm,query-interrupt-source-number; last heard: its answer when asked for the RTAS call ibm,query-interrupt-source-number$/,
    );

    await using again = await startRtas(pad);
    const { events, qmp } = again.machine;
    const reset = events.until({
      what: 'RESET',
      goal: (event) => (isEvent(event, 'RESET') ? true : undefined),
      deadline: Deadline.after(5000),
    });
    await qmp.execute('system_reset');
    await reset;
    const anew = await failure(asking(again), GuestError);
    expect(anew.message).to.equal('the RTAS guest has started anew: its machine was reset');

    await using other = await startRtas(pad);
    await other.machine.kill();
    const dead = await failure(asking(other), ConnectError);
    expect(dead.message).to.match(/^the terminal of the RTAS guest (?:was closed|broke)/);
  });

  it('that cannot be started is waited for by nobody', async () => {
    await using pad = new Launchpad();
    const machine = await launchRtas(pad);
    machine.qmp.close();
    await failure(machine.qmp.execute('query-status'));
    await setImmediate();
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    await failure(RtasGuest.attach(machine, Deadline.after(60_000)));
    expect(timers()).to.equal(before);
  });
});

/** Asks until it fails. */
async function asking(guest: RtasGuest): Promise<never> {
  for (;;) await guest.interruptSource(card, 0);
}
