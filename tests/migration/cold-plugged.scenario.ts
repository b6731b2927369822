import { expect, scenario } from 'godwit';
import { everyDeviceEverywhere, filledSlot } from './devices.js';

scenario('cold-plugged device', {
  machines: 'pc-q35-*',
  options: everyDeviceEverywhere,
  devices: filledSlot,
  async body({ migrate }) {
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },
});
