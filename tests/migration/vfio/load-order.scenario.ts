import { expect, scenario, traceOrder, type CellShape, type Journey } from 'godwit';
import { lackOfCpuState } from '../arm64/cpu-state.js';
import { takesMessages } from '../arm64/virt.js';
import { configBeforeInterruptController, multifdIssues, streamOfVfioConfig } from './known-issues.js';
import { isArm, isVersionFrom } from './cell.js';

const steps = /\/vfio (?:data-state|config-state|MSI-X)$|^(?:apic|ioapic|arm_gicv3|arm_gicv3_its)$/;

/** What of its trace a destination loaded of the device and of the interrupt controllers, in its order. */
function loaded({ machine }: Journey): string[] {
  const names = traceOrder(machine.trace()).map(({ name }) => name);
  return [...new Set(names.filter((name) => steps.test(name)).map((name) => name.replace(/^.*\//, '')))];
}

/** Whether the machine has what takes messages: without, vfio-pci leaves MSI-X alone. */
function hasMessages(cell: CellShape): boolean {
  return !isArm(cell) || takesMessages({ machineType: cell.machineType, options: { gic: '3' } });
}

/** The interrupt controllers of the machine, in the order in which they are loaded. */
function controllers(cell: CellShape): string[] {
  if (!isArm(cell)) return ['apic', 'ioapic'];
  return hasMessages(cell) ? ['arm_gicv3', 'arm_gicv3_its'] : ['arm_gicv3'];
}

/** The device, and Message Control of its MSI-X capability, where MSI-X Enable is. */
const address = { bus: 0, device: 4, function: 0 };
const messageControl = { offset: 0x62, width: 2 } as const;
const device = { properties: { addr: '0x4' } };
const machines = ['pc-i440fx-{5.2,7.2,10.0}', 'pc-q35-{5.2,6.0,7.2,10.0,11.1}', 'virt-{5.2,6.0,7.2,10.0,11.1}'];
const devices = (cell: CellShape): string => (isArm(cell) ? '-machine gic-version=3' : '');

scenario('vfio: seed 004, configuration space after the interrupt controller', {
  machines,
  devices,
  vfio: () => ({ source: device, destination: device }),
  loadOrder: true,
  known: [configBeforeInterruptController, ...streamOfVfioConfig],
  skip: (cell) => (isArm(cell) ? lackOfCpuState(cell) : undefined),
  async body(journey) {
    await journey.guest.boot();
    if (hasMessages(journey)) await journey.guest.access.write(address, messageControl, 0x8000);
    const outcome = await journey.migrate({ relay: { tee: 'whole' } });
    expect(outcome).to.be.completed.with.cleanLogs;
    expect(outcome).to.not.log(/is loaded before/);
    const interrupts = hasMessages(journey) ? ['vfio MSI-X'] : [];
    const order = ['vfio data-state', ...controllers(journey), 'vfio config-state', ...interrupts];
    expect(loaded(journey).join(', ')).to.equal(order.join(', '));
  },
});

/** A property of vfio-pci that a build of the route does not have yet; the first version that has it. */
function lackOf({ route }: CellShape, property: string, since: [major: number, minor: number]): string | undefined {
  const old = route.find((build) => !isVersionFrom(build, ...since));
  return old && `${old.name} (QEMU ${old.version.text}) has no ${property}`;
}

const multifd = { capabilities: { multifd: true }, parameters: { 'multifd-channels': 2 } };

scenario('vfio: seed 004, configuration space after the interrupt controller, with multifd', {
  machines: ['pc-q35-{10.0,11.1}', 'virt-{10.0,11.1}'],
  // It is a race: what several times go well may go wrong the next time.
  options: { 'x-migration-load-config-after-iter': ['as it is', 'on', 'off'], time: ['1', '2', '3'] },
  devices,
  vfio({ options: { 'x-migration-load-config-after-iter': after = 'as it is' } }) {
    const told = after === 'as it is' ? {} : { 'x-migration-load-config-after-iter': after };
    const transferred = { properties: { ...device.properties, 'x-migration-multifd-transfer': 'on', ...told } };
    return { source: transferred, destination: transferred };
  },
  loadOrder: true,
  known: multifdIssues,
  skip(cell) {
    const after = 'x-migration-load-config-after-iter';
    const asked = cell.options[after] === 'as it is' ? undefined : lackOf(cell, after, [10, 1]);
    const transfers = lackOf(cell, 'x-migration-multifd-transfer', [10, 0]);
    return transfers ?? asked ?? (isArm(cell) ? lackOfCpuState(cell) : undefined);
  },
  async body(journey) {
    await journey.guest.boot();
    await journey.guest.access.write(address, messageControl, 0x8000);
    const outcome = await journey.migrate(multifd);
    expect(outcome).to.be.completed.with.cleanLogs;
    expect(outcome).to.not.log(/is loaded before/);
    // All of it came, whatever the order.
    expect(loaded(journey)).to.include.members(['vfio data-state', 'vfio config-state', 'vfio MSI-X']);
  },
});
