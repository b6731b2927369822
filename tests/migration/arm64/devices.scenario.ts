import { expect, scenario, topology } from 'godwit';
import { attachments, deviceOf, emptySlot, everyDeviceBehind, everyDeviceEverywhere, filledSlot } from '../devices.js';
import { plugTravelUnplug, travelPlugUnplug, unplugTravel } from '../hotplugs.js';
import { slotPresenceDetectState, virtioQueueSize, xhciNeverDeleted } from '../known-issues.js';
import { lackOfCpuState } from './cpu-state.js';
import { everyGic, gicOf, lackOfTravel, machines, onVirt, takesMessages, travellingCpu } from './virt.js';

const same = { only: takesMessages, skip: lackOfCpuState };

scenario('arm64: cold-plugged devices', {
  ...same,
  machines: 'virt-*',
  options: { behind: [...attachments], ...everyGic },
  devices: (cell) => [...gicOf(cell), ...everyDeviceBehind(cell.options['behind'] ?? '')],
  async body({ migrate }) {
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },
});

const virtioQueues = onVirt(virtioQueueSize({ device: ['virtio-net', 'virtio-blk', 'virtio-scsi'] }));

scenario('arm64: a cold-plugged device goes to another version', {
  only: takesMessages,
  skip: lackOfTravel,
  machines,
  options: { ...everyDeviceEverywhere, ...everyGic },
  devices: (cell) => [...gicOf(cell), '-cpu', travellingCpu, ...filledSlot(cell)],
  known: [virtioQueues],
  async body({ migrate }) {
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },
});

scenario('arm64: hotplug, another version, unplug', {
  only: takesMessages,
  skip: lackOfTravel,
  machines,
  options: { ...everyDeviceEverywhere, ...everyGic },
  devices: (cell) => [...gicOf(cell), '-cpu', travellingCpu, ...emptySlot(cell)],
  hotplugs: true,
  known: [virtioQueues],
  body: (journey) => plugTravelUnplug(journey, deviceOf(journey.options)),
});

scenario('arm64: MSI-X tables that the guest has written', {
  ...same,
  machines,
  options: everyGic,
  devices: (cell) => [...gicOf(cell), ...topology('root-port'), '-device', 'e1000e,id=nic0,bus=slot0,romfile='],
  oracle: ['msi-x', 'interrupt-controllers', 'chipset'],
  async body({ machine, guest, migrate }) {
    await guest.mapDevices();
    const nic = [...(await guest.configSpace()).values()].find(({ id }) => id === 'nic0');
    const table = new DataView(nic?.config.buffer ?? new ArrayBuffer(0), nic?.config.byteOffset).getUint32(0x1c, true);
    expect(table & ~0xf, 'the address of the BAR with the table').to.be.above(0);
    // GITS_TRANSLATER of the ITS, or MSI_SETSPI_NS of the GICv2m frame, as a driver of arm64 has it (hw/arm/virt.c).
    const doorbell = machine.spec.words.includes('gic-version=3') ? 0x08090040 : 0x08020040;
    for (const entry of [0, 1, 4]) {
      const at = (table & ~0xf) + 16 * entry;
      await machine.qtest.writeMemory(at, 4, doorbell);
      await machine.qtest.writeMemory(at + 8, 4, 80 + entry);
      await machine.qtest.writeMemory(at + 12, 4, 0);
    }
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },
});

scenario('arm64: hotplug before migration, unplug after it', {
  ...same,
  machines,
  options: { ...everyDeviceEverywhere, ...everyGic },
  devices: (cell) => [...gicOf(cell), ...emptySlot(cell)],
  hotplugs: true,
  known: [onVirt(xhciNeverDeleted('destination'))],
  body: (journey) => plugTravelUnplug(journey, deviceOf(journey.options)),
});

scenario('arm64: unplug before migration', {
  ...same,
  machines,
  options: { ...everyDeviceEverywhere, ...everyGic },
  devices: (cell) => [...gicOf(cell), ...filledSlot(cell)],
  hotplugs: true,
  known: [onVirt(xhciNeverDeleted('source'))],
  body: unplugTravel,
});

scenario('arm64: hotplug on the destination after migration', {
  ...same,
  machines,
  options: { ...everyDeviceEverywhere, ...everyGic },
  devices: (cell) => [...gicOf(cell), ...emptySlot(cell)],
  known: [onVirt(xhciNeverDeleted('destination'))],
  body: (journey) => travelPlugUnplug(journey, deviceOf(journey.options)),
});

scenario('arm64: slot that the guest powered off', {
  ...same,
  machines,
  options: everyGic,
  devices: (cell) => [...gicOf(cell), ...topology('root-port-off-function-0')],
  known: [onVirt(slotPresenceDetectState)],
  async body({ guest, migrate }) {
    const slot = await guest.slot('pcie-root-port18');
    await slot.powerOn();
    await slot.powerOff();
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },
});
