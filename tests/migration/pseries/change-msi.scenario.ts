import { expect, scenario } from 'godwit';
import { allButProcessor, refusedBackwards, virtioOf } from './known-issues.js';

const clean = 'completed with clean logs, and the same machine as before';
const address = '00:00.0';
/** Status of a PCI function, in bytes from the start of its configuration space; bit 4 of it is the Capabilities List. */
const statusOffset = 0x06;

/** ibm,change-msi: what it is asked for. Source: LoPAPR 1.1, table 71. */
const calls: Readonly<Record<string, { function: number; count: number }>> = {
  'function 1, count 1': { function: 1, count: 1 },
  'function 1, count 16': { function: 1, count: 16 },
  'function 3, count 1': { function: 3, count: 1 },
  'function 4, count 3': { function: 4, count: 3 },
  'function 0, count 0': { function: 0, count: 0 },
  'function 1, count 0': { function: 1, count: 0 },
};

/** Status, count, sequence and type; no more than the status where it is not 0. Types are 1 for MSI and 2 for MSI-X. */
type Answer = readonly [status: number, count?: number, sequence?: number, type?: number];

/** What every call is to answer for a device, and what the device tree is to say of it. */
interface Expected {
  status: number;
  properties: { 'ibm,req#msi'?: number; 'ibm,req#msi-x'?: number };
  answers: Readonly<Record<string, Answer>>;
}

/** Of pseries-5.2: later machine types give virtio-net-pci one vector more (hw/core/machine.c, hw_compat_5_2). */
const devices: Readonly<Record<string, Expected>> = {
  'virtio-net-pci': {
    status: 0x0010,
    properties: { 'ibm,req#msi-x': 3 },
    answers: {
      'function 1, count 1': [0, 1, 2, 2],
      'function 1, count 16': [0, 3, 2, 2],
      'function 3, count 1': [-3],
      'function 4, count 3': [0, 3, 2, 2],
      'function 0, count 0': [-3],
      'function 1, count 0': [-1],
    },
  },
  e1000: {
    status: 0x0000,
    properties: {},
    answers: {
      'function 1, count 1': [-3],
      'function 1, count 16': [-3],
      'function 3, count 1': [-3],
      'function 4, count 3': [-3],
      'function 0, count 0': [-3],
      'function 1, count 0': [-3],
    },
  },
  'nec-usb-xhci': {
    status: 0x0010,
    properties: { 'ibm,req#msi': 1, 'ibm,req#msi-x': 16 },
    answers: {
      'function 1, count 1': [0, 1, 2, 1],
      'function 1, count 16': [0, 1, 2, 1],
      'function 3, count 1': [0, 1, 2, 1],
      'function 4, count 3': [0, 3, 2, 2],
      'function 0, count 0': [-3],
      'function 1, count 0': [-1],
    },
  },
};

/** A device whose backend is nobody's. */
function deviceLine(device = ''): string {
  return device === 'nec-usb-xhci' ? `-device ${device},id=dev0` : `-device ${device},id=dev0,romfile=`;
}

scenario('pseries: seed 001, ibm,change-msi', {
  guest: 'rtas',
  machines: 'pseries-5.2',
  options: { device: Object.keys(devices), call: Object.keys(calls) },
  devices: ({ options }) => deviceLine(options['device']),
  oracle: allButProcessor,
  known: [...refusedBackwards, virtioOf({ device: ['virtio-net-pci'] })],
  async body({ guest, options, migrate }) {
    const device = entry(devices, options['device']);
    const call = entry(calls, options['call']);
    const before = await guest.configSpace(address);
    expect(statusOf(before), 'Status before the call').to.equal(device.status);

    const answer = await guest.changeMsi(address, call);
    const [status, ...results] = entry(device.answers, options['call']);
    expect(answer.status, 'status of the call').to.equal(status);
    if (status === 0) {
      expect([answer.count, answer.sequence, answer.type], 'count, sequence and type').to.deep.equal(results);
    }
    const after = await guest.configSpace(address);
    expect(statusOf(after), 'Status after the call').to.equal(device.status);
    // The message of MSI lies in configuration space, that of MSI-X does not.
    if (answer.type !== 1) expect([...after], 'configuration space after the call').to.deep.equal([...before]);

    const outcome = await migrate();
    expect(outcome, clean).to.be.completed.and.to.preserve.configSpace;
    // QEMU says on the source that it does not know function 0.
    if (call.function !== 0) expect(outcome).to.have.cleanLogs;
    expect([...(await guest.configSpace(address))], 'what the guest reads on the destination').to.deep.equal([
      ...after,
    ]);
  },
});

scenario('pseries: seed 001, a migration after ibm,change-msi', {
  guest: 'rtas',
  machines: ['pseries-5.2', 'pseries-7.2', 'pseries-10.0'],
  options: { device: Object.keys(devices) },
  devices: ({ options }) => deviceLine(options['device']),
  oracle: allButProcessor,
  known: [...refusedBackwards, virtioOf({ device: ['virtio-net-pci'] })],
  async body({ guest, migrate }) {
    // Whatever it answers: where it is the wrong answer, the destination is to be seen to refuse what the call has left.
    await guest.changeMsi(address, { function: 1, count: 1 });
    expect(await migrate(), clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },
});

scenario('pseries: seed 001, what the device tree says of interrupts', {
  guest: 'rtas',
  machines: 'pseries-5.2',
  pairs: 'same',
  options: { device: Object.keys(devices) },
  devices: ({ options }) => deviceLine(options['device']),
  oracle: allButProcessor,
  async body({ guest, options, migrate }) {
    const { properties } = entry(devices, options['device']);
    for (const name of ['ibm,req#msi', 'ibm,req#msi-x'] as const) {
      const value = properties[name];
      expect(guest.property(address, name), name).to.deep.equal(value === undefined ? undefined : [value]);
    }
    expect(await migrate(), clean).to.be.completed.with.cleanLogs;
  },
});

function statusOf(config: Uint8Array): number {
  return (config[statusOffset] ?? 0) | ((config[statusOffset + 1] ?? 0) << 8);
}

function entry<T>(table: Readonly<Record<string, T>>, name = ''): T {
  const found = table[name];
  if (found === undefined) throw new Error(`there is nothing called '${name}'`);
  return found;
}
