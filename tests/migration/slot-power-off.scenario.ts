import { expect, scenario, topology } from 'godwit';
import { slotPresenceDetectState } from './known-issues.js';

scenario('slot that the guest powered off', {
  machines: 'pc-q35-*',
  devices: topology('root-port-off-function-0'),
  known: [slotPresenceDetectState],
  async body({ guest, migrate }) {
    const slot = await guest.slot('pcie-root-port18');
    await slot.powerOn();
    await slot.powerOff();
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },
});
