import { expect } from 'chai';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'mocha';
import { resolveBuild } from '../../../harness/build/resolve.js';
import { Deadline } from '../../../harness/core/deadline.js';
import { LaunchError } from '../../../harness/core/errors.js';
import { ScriptedGuest } from '../../../harness/guest/scripted.js';
import { listFunctions } from '../../../harness/guest/config-snapshot.js';
import type { Machine } from '../../../harness/machine/machine.js';
import type { PciAddress } from '../../../harness/pci/address.js';
import { capabilityIds } from '../../../harness/pci/capability-ids.js';
import { findCapability } from '../../../harness/pci/registers.js';
import { isEvent } from '../../../harness/qmp/messages.js';
import { commands, irqs, regions } from '../../../harness/vfio/protocol/numbers.js';
import { regionAccess } from '../../../harness/vfio/protocol/payloads.js';
import { type Fault, refusedWrite } from '../../../harness/vfio/server/faults.js';
import { VfioUserServer } from '../../../harness/vfio/server/server.js';
import { failure } from '../support/failure.js';
import { Launchpad } from '../support/launchpad.js';

const id = 'device0';
const command = { offset: 0x04, width: 2 } as const;
const messageControl = { offset: 0x86, width: 2 } as const;

/**
 * QEMU's own vfio-user client (`vfio-user-pci`, 10.1 and later) and our server:
 * 1. QEMU attaches, and a guest sees the device: identity, MSI-X, the vendor-specific capability
 * 2. what a guest writes arrives in configuration space, and interrupts are set up by it
 * 3. the server reads the guest's memory by messages, once the guest lets the device be bus master
 * 4. a guest's unaligned 2 bytes of seed 003 arrive as two writes of one byte, so that a server which refuses the 2 bytes is not seen
 * 5. a server that dies in mid-realize, or refuses what realize needs: QEMU's own error, and its end
 * 6. as of 11.1.3 a migration completes on both sides, and nothing of the device goes with it: the destination's server is told nothing
 */
describe('VfioUserServer with QEMU', () => {
  let pad: Launchpad;
  let servers: VfioUserServer[];
  beforeEach(() => {
    pad = new Launchpad();
    servers = [];
  });
  afterEach(async () => {
    await pad[Symbol.asyncDispose]();
    for (const server of servers) server.stop();
  });

  async function attach(
    faults: readonly Fault[] = [],
    incoming = false,
  ): Promise<{ server: VfioUserServer; machine: Machine }> {
    const path = join(pad.folder, `v${servers.length}`);
    const server = await VfioUserServer.listen(path, { faults });
    servers.push(server);
    const device = JSON.stringify({ driver: 'vfio-user-pci', id, socket: { type: 'unix', path } });
    const machine = await pad.launch({
      build: await resolveBuild('deb:sid'),
      machineType: 'q35',
      incoming,
      words: ['-device', device],
    });
    return { server, machine };
  }

  async function boot(machine: Machine): Promise<{ guest: ScriptedGuest; address: PciAddress }> {
    const guest = ScriptedGuest.attach(machine, Deadline.after(20_000));
    await guest.mapDevices();
    return { guest, address: await addressIn(machine) };
  }

  async function addressIn(machine: Machine): Promise<PciAddress> {
    const listed = (await listFunctions(machine)).find((one) => one.id === id);
    expect(listed).to.not.equal(undefined);
    return listed?.address ?? { bus: 0, device: 0, function: 0 };
  }

  it('is a device that a guest sees and sets up', async () => {
    const { server, machine } = await attach();
    const { guest, address } = await boot(machine);
    const space = Buffer.from(await guest.access.readSpace(address, 256));
    expect(space.readUInt32LE(0).toString(16)).to.equal('ff1b36');
    expect(findCapability(space, capabilityIds.msix)?.offset).to.equal(0x84);
    const vendors = findCapability(space, capabilityIds.vendorSpecific)?.offset ?? 0;
    expect(space.subarray(vendors + 3, vendors + 13).toString()).to.equal('godwit vsc');
    await guest.access.write(address, messageControl, 0x8003);
    expect(await guest.access.read(address, messageControl.offset, 2)).to.equal(0x8003);
    expect(server.device.config.readUInt16LE(messageControl.offset)).to.equal(0x8003);
    expect(server.device.irqSetups.map(({ index }) => index)).to.include(irqs.MSIX);
    expect(machine.log()).to.equal('');
  });

  it("reads the guest's memory", async () => {
    const { server, machine } = await attach();
    const { guest, address } = await boot(machine);
    await machine.qtest.writeBlock(0x1000, Buffer.from('godwit'));
    await guest.access.write(address, command, 6);
    const read = await server.readMemory(0x1000n, 6, Deadline.after(10_000));
    expect(read.toString()).to.equal('godwit');
    expect([...server.device.dma.keys()]).to.include(0n);
  });

  it('never gets the 2-byte write of seed 003 from a guest', async () => {
    const { server, machine } = await attach([refusedWrite(0x87, 2, constants.errno.EINVAL)]);
    const { guest, address } = await boot(machine);
    const writes: string[] = [];
    server.received.listen(({ command: sent, payload }) => {
      if (sent !== commands.REGION_WRITE) return;
      const { values, data } = regionAccess.decode(payload);
      if (values.region === regions.config) writes.push(`${values.offset.toString(16)}: ${data.toString('hex')}`);
    });
    await guest.access.write(address, { offset: 0x87, width: 2 }, 0x0080);
    expect(await guest.access.read(address, messageControl.offset, 2)).to.equal(0x8003);
    expect(writes).to.deep.equal(['87: 80', '88: 00']);
  });

  const { EIO } = constants.errno;
  const deaths: [string, Fault, RegExp][] = [
    [
      'dies before it tells its interrupts',
      { command: commands.DEVICE_GET_IRQ_INFO, does: { kind: 'die' } },
      /vfio vfio-user:/,
    ],
    ['dies when QEMU negotiates', { command: commands.VERSION, does: { kind: 'die' } }, /vfio vfio-user:/],
    [
      'refuses to be read',
      { command: commands.REGION_READ, offset: 0, does: { kind: 'refuse', errno: EIO } },
      /failed to read device config space/,
    ],
  ];
  for (const [title, fault, message] of deaths) {
    it(`ends a QEMU in mid-realize when it ${title}`, async () => {
      const error = await failure(attach([fault]), LaunchError);
      expect(error.message)
        .to.match(/exited with status 1/)
        .and.match(message);
    });
  }

  it('is left behind by a migration, which completes', async () => {
    const source = await attach();
    const destination = await attach([], true);
    const { guest, address } = await boot(source.machine);
    await guest.access.write(address, command, 6);
    await guest.access.write(address, messageControl, 0x8003);
    const told: number[] = [];
    for (const { server } of [source, destination]) server.received.listen((message) => told.push(message.command));
    const uri = `unix:${join(pad.folder, 'migration')}`;
    const completed = [source, destination].map(({ machine }) =>
      machine.events.until({
        what: `MIGRATION completed of the ${machine.label} QEMU`,
        goal: (event) => (isEvent(event, 'MIGRATION') && event.data.status === 'completed' ? true : undefined),
        impossible: (event) =>
          isEvent(event, 'MIGRATION') && event.data.status === 'failed' ? 'it failed' : undefined,
        deadline: Deadline.after(20_000),
      }),
    );
    for (const { machine } of [source, destination]) {
      const capabilities = [{ capability: 'events' as const, state: true }];
      await machine.qmp.execute('migrate-set-capabilities', { capabilities });
    }
    await destination.machine.qmp.execute('migrate-incoming', { uri });
    await source.machine.qmp.execute('migrate', { uri });
    await Promise.all(completed);
    expect(told.filter((one) => one !== commands.REGION_READ)).to.deep.equal([]);
    expect(source.server.device.config.readUInt16LE(messageControl.offset)).to.equal(0x8003);
    expect(destination.server.device.config.readUInt16LE(messageControl.offset)).to.equal(0x0003);
    const arrived = ScriptedGuest.resume(destination.machine, Deadline.after(20_000));
    const at = await addressIn(destination.machine);
    expect(await arrived.access.read(at, messageControl.offset, 2)).to.equal(0x0003);
    expect(await arrived.access.read(at, command.offset, 2)).to.equal(0);
    expect(source.machine.log() + destination.machine.log()).to.equal('');
  });
});
