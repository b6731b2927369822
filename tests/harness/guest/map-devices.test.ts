import { expect } from 'chai';
import { Deadline } from '../../../harness/core/deadline.js';
import type { ConfigSnapshot } from '../../../harness/guest/config-snapshot.js';
import { ScriptedGuest } from '../../../harness/guest/scripted.js';
import { barsToRead } from '../../../harness/guest/state/snapshot.js';
import { splitWords } from '../../../harness/machine/words.js';
import { memoryBase } from '../../../harness/pci/base-address.js';
import { findCapability } from '../../../harness/pci/registers.js';
import { stateAreas } from '../../../harness/record/outcome.js';
import { Launchpad } from '../support/launchpad.js';

const words = splitWords(`-device pcie-root-port,id=rp0,addr=0x4,chassis=1 -device virtio-scsi-pci,id=scsi0,bus=rp0
  -device nec-usb-xhci,id=usb0,addr=0x5 -device pvpanic-pci,id=panic0,addr=0x6`);
const msixCapability = 0x11;

/** "ID BAR" of every memory BAR that answers at an address. */
function mapped(snapshot: ConfigSnapshot): string[] {
  return [...snapshot.values()].flatMap(({ id, config }) => {
    if (!['scsi0', 'usb0', 'panic0'].includes(id)) return [];
    return [0, 1, 4].filter((bar) => memoryBase(config, bar) !== undefined).map((bar) => `${id} ${bar}`);
  });
}

// 1. Only BARs with something to read get an address: not those with a table of MSI-X alone that is not enabled, nor a device without known registers.
// 2. A table that is enabled counts, and all tables do when they are asked for; what had an address keeps it.
// 3. The snapshot tells what configuration space holds afterwards, on both ways to it, and the bridge above lets the addresses through.
// 4. A guest that maps its devices later maps the rest.
describe('addresses of devices', () => {
  let pad: Launchpad;

  beforeEach(() => {
    pad = new Launchpad();
  });

  afterEach(() => pad[Symbol.asyncDispose]());

  it('are given where there is something to read', async () => {
    const machine = await pad.launch({ build: 'trixie', machineType: 'pc-q35-6.0', words });
    const guest = ScriptedGuest.attach(machine, Deadline.after(20_000));
    const first = await guest.configSpace(barsToRead(stateAreas, 'enabled'));
    expect(mapped(first)).to.have.members(['usb0 0', 'scsi0 4']);
    expect(await guest.configSpace()).to.deep.equal(first);
    const scsi = [...first.values()].find(({ id }) => id === 'scsi0');
    if (!scsi) throw new Error('scsi0 is not there');
    // num_queues of virtio's common configuration, through the window of the root port.
    expect(await machine.qtest.readMemory((memoryBase(scsi.config, 4) ?? NaN) + 0x12, 2)).to.be.within(1, 1024);

    const msix = findCapability(scsi.config, msixCapability)?.offset ?? NaN;
    await guest.access.write(scsi.address, { offset: msix + 2, width: 2 }, 0x8000);
    const enabled = await guest.configSpace(barsToRead(stateAreas, 'enabled'));
    expect(mapped(enabled)).to.have.members(['usb0 0', 'scsi0 4', 'scsi0 1']);
    const again = [...enabled.values()].find(({ id }) => id === 'scsi0');
    expect(again && memoryBase(again.config, 4)).to.equal(memoryBase(scsi.config, 4));

    await guest.mapDevices();
    expect(mapped(await guest.configSpace())).to.have.members(['usb0 0', 'scsi0 4', 'scsi0 1', 'panic0 0']);
  });

  it('are given to every table where all are asked for, through ports too', async () => {
    const machine = await pad.launch({
      ...{ build: 'bookworm', machineType: 'pc-i440fx-6.0' },
      words: splitWords('-device virtio-scsi-pci,id=scsi0,addr=0x5'),
    });
    const guest = ScriptedGuest.attach(machine, Deadline.after(20_000));
    const narrow = await guest.configSpace(barsToRead(stateAreas, 'enabled'));
    expect(mapped(narrow)).to.deep.equal(['scsi0 4']);
    const wide = await guest.configSpace(barsToRead(stateAreas, 'all'));
    expect(mapped(wide)).to.deep.equal(['scsi0 1', 'scsi0 4']);
    expect(await guest.configSpace()).to.deep.equal(wide);
    expect(mapped(await guest.configSpace(barsToRead(['cpu', 'memory'], 'all')))).to.deep.equal(mapped(wide));
  });
});
