import { expect, scenario, topology } from 'godwit';
import { rootPortMsix, slotPresenceDetectState, tcgDirtyBitmap } from './known-issues.js';

scenario('Linux: slot that the guest powered off', {
  guest: 'linux',
  machines: 'pc-q35-*',
  devices: topology('root-port-off-function-0'),
  known: [slotPresenceDetectState, rootPortMsix, tcgDirtyBitmap],
  async body({ guest, machineType, migrate }) {
    // The device is at function 1: pciehp finds nothing at function 0, and switches the slot off by itself. Under ACPI it is left alone.
    const slot = await guest.slot('pcie-root-port18');
    if (isNative(machineType)) await slot.emptied();
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    await guest.sh('uptime');
  },
});

/** Whether slots behind root ports are the guest's own, up to pc-q35-6.0, or ACPI's. */
function isNative(machineType: string): boolean {
  return /^pc-q35-([2-5]\.\d+|6\.0)$/.test(machineType);
}
