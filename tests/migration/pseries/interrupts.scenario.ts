import { expect, scenario } from 'godwit';
import { allButProcessor, refusedBackwards, virtioOf } from './known-issues.js';

const clean = 'completed with clean logs, and the same machine as before';
const address = '00:00.0';
/** The first number that QEMU gives to message-signalled interrupts. Source: include/hw/ppc/spapr_irq.h, SPAPR_IRQ_MSI. */
const firstInterrupt = 0x1300;
const count = 3;

scenario('pseries: seed 001, MSI-X table and interrupt numbers', {
  guest: 'rtas',
  machines: ['pseries-5.2', 'pseries-7.2', 'pseries-10.0'],
  devices: '-device virtio-net-pci,id=net0,romfile=',
  oracle: allButProcessor,
  known: [...refusedBackwards, virtioOf()],
  async body({ guest, migrate }) {
    await guest.mapDevices();
    const { status, type } = await guest.changeMsi(address, { function: 1, count });
    expect({ status, type }, 'MSI-X granted').to.deep.equal({ status: 0, type: 2 });
    const numbers = async (): Promise<number[]> => {
      const sources = Array.from({ length: count }, (_, index) => guest.interruptSource(address, index));
      return (await Promise.all(sources)).map(({ source }) => source);
    };
    const granted = Array.from({ length: count }, (_, index) => firstInterrupt + index);
    const table = await guest.msixTable(address);
    const data = table.filter(({ name }) => name.startsWith('MSI-X Message Data')).slice(0, count);
    expect(
      data.map(({ value }) => value),
      'Message Data of the table',
    ).to.deep.equal(granted);
    expect(await numbers(), 'what the guest is told').to.deep.equal(granted);

    expect(await migrate(), clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    expect(await guest.msixTable(address), 'table on the destination').to.deep.equal(table);
    expect(await numbers(), 'what the guest is told on the destination').to.deep.equal(granted);
    const released = await guest.changeMsi(address, { function: 1, count: 0 });
    expect(released.status, 'interrupts given back on the destination').to.equal(0);
  },
});

scenario("pseries: seed 001, through SLOF's prompt", {
  guest: 'slof',
  machines: 'pseries-5.2',
  timeoutMs: 120_000,
  devices: '-device virtio-net-pci,id=net0,romfile=',
  oracle: allButProcessor,
  known: [...refusedBackwards, virtioOf()],
  async body({ guest, migrate }) {
    const granted = await guest.changeMsi(address, { function: 1, count: 1 });
    expect(granted, 'MSI-X granted').to.deep.equal({ status: 0, count: 1, sequence: 2, type: 2 });
    expect(await migrate(), clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    const again = await guest.changeMsi(address, { function: 4, count });
    expect(again, 'the same guest on the destination').to.deep.equal({ status: 0, count, sequence: 2, type: 2 });
  },
});
