import { expect } from 'chai';
import { Deadline } from '../../../harness/core/deadline.js';
import type { Machine } from '../../../harness/machine/machine.js';
import { splitWords } from '../../../harness/machine/words.js';
import { EcamAccess, type PciAccess, PortAccess } from '../../../harness/pci/access.js';
import { formatAddress, parseAddress } from '../../../harness/pci/address.js';
import { enumerate, type PciFunction } from '../../../harness/pci/enumerate.js';
import { isEvent } from '../../../harness/qmp/messages.js';
import type { QmpCommands } from '../../../harness/qmp/schema.js';
import { Launchpad } from '../support/launchpad.js';

/** A root port, a switch of two downstream ports below another one, a conventional bridge, and a device of two functions. */
const hierarchy = splitWords(`
  -device pcie-root-port,id=rp0,bus=pcie.0,addr=0x4,chassis=1
  -device e1000e,bus=rp0,romfile=
  -device pcie-root-port,bus=pcie.0,id=rp1,addr=0x5,chassis=2
  -device x3130-upstream,id=up0,bus=rp1
  -device xio3130-downstream,id=dp0,bus=up0,addr=0x0,chassis=3
  -device xio3130-downstream,id=dp1,bus=up0,addr=0x3,chassis=4
  -device qemu-xhci,bus=dp1
  -device pcie-pci-bridge,id=pb0,bus=pcie.0,addr=0x6
  -device e1000,bus=pb0,addr=0x1e,romfile=
  -device virtio-rng-pci,bus=pcie.0,addr=0x7.0x0,multifunction=on
  -device virtio-rng-pci,bus=pcie.0,addr=0x7.0x5`);

const ecamBase = 0xb0000000;
const ecamRegister = 0x60;
const hostBridge = parseAddress('00:00.0');

type Listed = QmpCommands['query-pci']['return'][number]['devices'][number];

/** One line for each function: address, identity, and the buses behind it. */
function told(functions: readonly PciFunction[]): string[] {
  return functions.map(({ address, vendorId, deviceId, bridge }) => {
    const buses = bridge ? ` to ${bridge.secondaryBus}-${bridge.subordinateBus}` : '';
    return `${formatAddress(address)} ${vendorId.toString(16)}:${deviceId.toString(16)}${buses}`;
  });
}

/** The same lines, by QEMU's own account. */
async function listed(machine: Machine): Promise<string[]> {
  const lines = (device: Listed): string[] => {
    const address = formatAddress({ bus: device.bus, device: device.slot, function: device.function });
    const behind = device.pci_bridge;
    const buses = behind ? ` to ${behind.bus.secondary}-${behind.bus.subordinate}` : '';
    const line = `${address} ${device.id.vendor.toString(16)}:${device.id.device.toString(16)}${buses}`;
    return [line, ...(behind?.devices ?? []).flatMap(lines)];
  };
  const buses = await machine.qmp.execute('query-pci');
  return buses.flatMap(({ devices }) => devices.flatMap(lines));
}

async function reset(machine: Machine): Promise<void> {
  const seen = machine.events.until({
    what: 'RESET',
    goal: (event) => (isEvent(event, 'RESET') ? event : undefined),
    deadline: Deadline.after(5000),
  });
  await machine.qmp.execute('system_reset');
  await seen;
}

async function openEcam(machine: Machine): Promise<PciAccess> {
  const ports = new PortAccess(machine.qtest);
  await ports.write(hostBridge, { offset: ecamRegister + 4, width: 4 }, 0);
  await ports.write(hostBridge, { offset: ecamRegister, width: 4 }, ecamBase | 1);
  return new EcamAccess(machine.qtest, ecamBase);
}

/**
 * 1. Enumeration finds what QEMU has, behind ports, switches and bridges, and numbers buses in the order of the walk.
 * 2. Both ways to configuration space see the same machine.
 */
for (const build of ['bookworm', 'trixie'] as const) {
  describe(`PCI of ${build}`, () => {
    let pad: Launchpad;
    let machine: Machine;

    before(async () => {
      pad = new Launchpad();
      machine = await pad.launch({ build, machineType: 'pc-q35-6.0', words: hierarchy });
    });

    after(() => pad[Symbol.asyncDispose]());

    beforeEach(() => reset(machine));

    it('is found whole, over ports and over ECAM', async () => {
      const overPorts = told(await enumerate(new PortAccess(machine.qtest)));
      expect([...overPorts].sort()).to.deep.equal((await listed(machine)).sort());
      await reset(machine);
      expect((await listed(machine)).some((line) => line.includes(' to 1-'))).to.equal(false);
      const overEcam = await enumerate(await openEcam(machine));
      expect(told(overEcam)).to.deep.equal(overPorts);
      expect([...told(overEcam)].sort()).to.deep.equal((await listed(machine)).sort());
      expect(overEcam.every(({ space }) => space.length === 256)).to.equal(true);
    });

    it('is walked depth first, parents before children', async () => {
      const lines = told(await enumerate(new PortAccess(machine.qtest)));
      const behind = lines.filter((line) => line.includes(' to ') || !line.startsWith('00:'));
      expect(behind.map((line) => line.replace(/ \w+:\w+/, ''))).to.deep.equal([
        '00:04.0 to 1-1',
        '01:00.0',
        '00:05.0 to 2-5',
        '02:00.0 to 3-5',
        '03:00.0 to 4-4',
        '03:03.0 to 5-5',
        '05:00.0',
        '00:06.0 to 6-6',
        '06:1e.0',
      ]);
      expect(lines.filter((line) => line.startsWith('00:07.')).map((line) => line.slice(0, 7))).to.deep.equal([
        '00:07.0',
        '00:07.5',
      ]);
    });

    it('reads the same bytes either way', async () => {
      const ports = new PortAccess(machine.qtest);
      const functions = await enumerate(ports);
      const ecam = await openEcam(machine);
      for (const { address } of functions) {
        const [short, long] = await Promise.all([ports.readSpace(address), ecam.readSpace(address)]);
        expect(Buffer.compare(short, long.subarray(0, 256)), formatAddress(address)).to.equal(0);
      }
    });

    it('is written and read in every width, either way', async () => {
      const port = parseAddress('00:04.0');
      for (const access of [new PortAccess(machine.qtest), await openEcam(machine)]) {
        await access.write(port, { offset: 0x18, width: 4 }, 0x00131211);
        await access.write(port, { offset: 0x19, width: 1 }, 0x22);
        await access.write(port, { offset: 0x22, width: 2 }, 0xfff0);
        await access.write(port, { offset: 0x28, width: 4 }, 0xfedcba98);
        const read = (offset: number, width: 1 | 2 | 4): Promise<number> => access.read(port, offset, width);
        expect(await Promise.all([read(0x18, 4), read(0x1a, 1), read(0x22, 2), read(0x28, 4)])).to.deep.equal([
          0x00132211, 0x13, 0xfff0, 0xfedcba98,
        ]);
        expect(await access.read(parseAddress('00:1e.0'), 0, 4)).to.equal(0xffffffff);
        expect(await access.read(parseAddress('77:00.0'), 0, 2)).to.equal(0xffff);
        await reset(machine);
        if (access instanceof PortAccess) await openEcam(machine);
      }
    });
  });
}
