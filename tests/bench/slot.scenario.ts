import { expect, scenario, topology } from 'godwit';

/** As many cells of the slot scenario as the benchmark asks for. */
const cells = Number(process.env['GODWIT_BENCH_CELLS'] ?? 1);

scenario('slot cell of the benchmark', {
  machines: 'pc-q35-6.0',
  options: { n: Array.from({ length: cells }, (_, index) => String(index + 1)) },
  devices: topology('root-port-off-function-0'),
  // The bare driver compares configuration space alone.
  oracle: false,
  async body({ guest, migrate }) {
    const slot = await guest.slot('pcie-root-port18');
    await slot.powerOn();
    await slot.powerOff();
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },
});
