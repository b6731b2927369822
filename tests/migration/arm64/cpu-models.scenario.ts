import { expect, scenario } from 'godwit';
import { cpuKnownIssues, cpuModels } from './cpu-known-issues.js';
import { everyGic, gicOf } from './virt.js';

scenario('arm64: CPU models', {
  machines: ['virt-5.2', 'virt-7.2', 'virt-10.0', 'virt-11.1'],
  options: { cpu: cpuModels, ...everyGic },
  devices: (cell) => [...gicOf(cell), '-cpu', cell.options['cpu'] ?? ''],
  known: cpuKnownIssues,
  async body({ migrate }) {
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },
});
