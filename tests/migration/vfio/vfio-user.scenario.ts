import { expect, refusedWrite, scenario, topology, vfioUserCommands, type Fault } from 'godwit';
import { failedRealizeCrashes, nothingMigrates } from './vfio-user-known-issues.js';

const machines = ['pc-q35-{6.0,10.0,11.1}', 'pc-i440fx-11.1'];
const address = { bus: 0, device: 4, function: 0 };
const device = { properties: { addr: '0x4' } };
/** Message Control of the device's MSI-X capability, which is at 0x84 as in seed 003, and what enables it. */
const messageControl = { offset: 0x86, width: 2 } as const;
const enabled = 0x8003;
const command = { offset: 0x04, width: 2 } as const;

/** Registers that QEMU has itself: Command, Header Type, BARs and ROM, Interrupt Line and Pin, and the pointers of the capability list. */
const emulated = [0x04, 0x05, 0x0e, ...Array.from({ length: 24 }, (_, byte) => 0x10 + byte), 0x30, 0x31, 0x32, 0x33];
const emulatedToo = [0x34, 0x3c, 0x3d, 0x85, 0xa1];

scenario("vfio: vfio-user device is its server's", {
  machines,
  pairs: 'same',
  vfioUser: () => ({ source: device, destination: device }),
  async body({ guest, machine, servers: [server] }) {
    await guest.mapDevices();
    const space = Buffer.from(await guest.access.readSpace(address, 256));
    const own = Buffer.from(server?.device.config ?? []);
    for (const offset of [...emulated, ...emulatedToo]) space[offset] = own[offset] ?? 0;
    expect(space.toString('hex'), "configuration space through QEMU is the server's").to.equal(own.toString('hex'));
    expect(space.subarray(0xa3, 0xad).toString(), 'the vendor-specific capability').to.equal('godwit vsc');
    await guest.access.write(address, messageControl, enabled);
    expect(server?.device.config.readUInt16LE(messageControl.offset), 'Message Control of the server').to.equal(
      enabled,
    );
    expect(server?.device.irqSetups, 'interrupts as the server was told').to.have.length.above(0);
    await guest.access.write(address, command, 6);
    await machine.qtest.writeBlock(0x1000, Buffer.from('godwit'));
    const read = await server?.readMemory(0x1000n, 6, machine.options.deadline);
    expect(read?.toString(), "the guest's memory as the server reads it").to.equal('godwit');
    const resets = server?.device.resets ?? 0;
    await guest.reset();
    expect(server?.device.resets, 'resets that the server was told').to.be.above(resets);
    expect(await guest.access.read(address, messageControl.offset, 2), 'Message Control after a reset').to.equal(0x3);
    expect(machine.log(), 'the log of QEMU').to.not.include('vfio');
  },
});

scenario('vfio: seed 003, vfio-user server that refuses a write behind Message Control', {
  // No guest can write these 2 bytes at once through ports.
  machines: 'pc-q35-{6.0,10.0,11.1}',
  pairs: 'same',
  options: { bytes: ['2', '1'] },
  vfioUser: ({ options }) => {
    const faults = [refusedWrite(messageControl.offset + 1, Number(options['bytes']), 22)];
    return { source: { ...device, faults }, destination: device };
  },
  async body({ guest, machine, options, servers: [server] }) {
    await guest.mapDevices();
    await guest.access.write(address, { offset: messageControl.offset + 1, width: 2 }, 0x0080);
    const arrived = server?.device.config.readUInt16LE(messageControl.offset);
    if (options['bytes'] === '2') {
      // QEMU splits what is not aligned: the bytes that such a server refuses come one by one, and only a client that sends both sees it.
      expect(arrived, 'Message Control of the server').to.equal(enabled);
      expect(machine.log(), 'the log of QEMU').to.not.include('vfio');
    } else {
      expect(arrived, 'Message Control of the server').to.equal(0x3);
      expect(machine.log(), 'the log of QEMU').to.match(
        /vfio_pci_write_config\(.*, 0x87, 0x80, 0x1\) failed: Invalid argument/,
      );
    }
  },
});

const {
  VERSION,
  DEVICE_GET_INFO: info,
  DEVICE_GET_REGION_INFO: region,
  DEVICE_GET_IRQ_INFO: irq,
  REGION_READ: read,
} = vfioUserCommands;
const timedOut = /timed out waiting for reply/;
const garbage = Buffer.from('this is no vfio-user message at all');

/** What a server does wrong when a device is plugged in, and what QEMU says of it; it accepts a device of which nothing is said. */
const misdeeds: Readonly<Record<string, { fault: Fault; says?: RegExp }>> = {
  'refuses to negotiate': {
    fault: { command: VERSION, does: { kind: 'refuse', errno: 22 } },
    says: /version reply: Invalid argument/,
  },
  'dies when QEMU negotiates': { fault: { command: VERSION, does: { kind: 'die' } }, says: timedOut },
  'sends garbage when QEMU negotiates': {
    fault: { command: VERSION, does: { kind: 'send', bytes: garbage } },
    says: timedOut,
  },
  // QEMU waits twice, five seconds each.
  'sends garbage for an answer': { fault: { command: info, does: { kind: 'send', bytes: garbage } }, says: timedOut },
  'never answers': { fault: { command: info, does: { kind: 'silence' } }, says: timedOut },
  'answers late': { fault: { command: info, does: { kind: 'late', ms: 500 } } },
  'answers at too great length': {
    fault: { command: info, does: { kind: 'resize', by: 100 } },
    says: /VFIO_USER_DEVICE_GET_INFO failed/,
  },
  'closes the connection': { fault: { command: info, does: { kind: 'close' } }, says: timedOut },
  'refuses to be read': {
    fault: { command: read, offset: 0, does: { kind: 'refuse', errno: 5 } },
    says: /failed to read device config space/,
  },
  'dies in mid-realize': { fault: { command: irq, does: { kind: 'die' } }, says: timedOut },
  'answers by half': { fault: { command: region, does: { kind: 'half', bytes: 20 } }, says: timedOut },
};

scenario('vfio: vfio-user server that misbehaves when its device is plugged in', {
  machines: 'pc-q35-11.1',
  pairs: 'same',
  options: { server: Object.keys(misdeeds) },
  devices: topology('root-port'),
  vfioUser: ({ options }) => {
    const { fault } = misdeeds[options['server'] ?? ''] ?? {};
    return { source: { faults: fault ? [fault] : [], plugged: false }, destination: { plugged: false } };
  },
  known: [failedRealizeCrashes],
  async body({ guest, machine, options, servers: [server] }) {
    await guest.boot();
    const { says } = misdeeds[options['server'] ?? ''] ?? {};
    const socket = { type: 'unix', path: server?.path };
    const line = { driver: 'vfio-user-pci', id: 'user0', bus: 'slot0', socket };
    const answer = await machine.qmp
      .execute<string>('device_add', line, { deadline: machine.options.deadline })
      .then(() => 'accepted')
      .catch((thrown: unknown) => (thrown instanceof Error ? thrown.message : ''));
    // A QEMU that has died has nobody who answers this.
    await machine.qmp.execute('query-status');
    expect(answer, 'the answer of QEMU to device_add').to.match(says ?? /^accepted$/);
  },
});

scenario('vfio: vfio-user device that migrates', {
  machines,
  vfioUser: () => ({ source: device, destination: device }),
  known: [nothingMigrates],
  async body({ guest, migrate, servers }) {
    await guest.mapDevices();
    await guest.access.write(address, command, 6);
    await guest.access.write(address, messageControl, enabled);
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    const controls = servers.map(({ device: { config } }) => config.readUInt16LE(messageControl.offset));
    expect(controls, 'Message Control of the two servers').to.deep.equal([enabled, enabled]);
  },
});
