import { expect, scenario } from 'godwit';
import { everyDeviceBehind, attachments } from './devices.js';

scenario('cold-plugged devices', {
  machines: 'pc-q35-*',
  options: { behind: [...attachments] },
  devices: ({ options }) => everyDeviceBehind(options['behind'] ?? ''),
  async body({ migrate }) {
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },
});
