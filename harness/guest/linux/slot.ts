import { GuestError } from '../../core/errors.js';
import { slotBehind } from './pci.js';
import type { GuestShell } from './shell.js';

const folder = '/sys/bus/pci/slots';

/** How often the guest looks at most, each 20 ms: what is not settled after ten seconds stays as it is. */
const mostLooks = 500;

/**
 * Waits until the guest's hotplug drivers have switched off every slot in which nothing is: pciehp gives an empty slot up after seconds only, and
 * overlooks what is plugged into it meanwhile.
 */
export async function settleSlots(guest: GuestShell): Promise<void> {
  const isUnsettled =
    `for s in ${folder}/*; do [ -e $s/adapter ] || continue; read n <$s/adapter; read p <$s/power; ` +
    '[ $n$p != 01 ] || exit 0; done; exit 1';
  await guest.sh(`i=0; while [ $i -lt ${mostLooks} ] && (${isUnsettled}); do usleep 20000; i=$((i + 1)); done`);
}

/** A hot-pluggable slot as Linux has it: pciehp's or acpiphp's, whichever has claimed it (Documentation/ABI/testing/sysfs-bus-pci). */
export class GuestSlot {
  private constructor(
    private readonly guest: GuestShell,
    /** Its folder in sysfs. */
    readonly path: string,
  ) {}

  /** The slot behind a bridge. Throws GuestError when the guest has no hotplug driver for it. */
  static async of(guest: GuestShell, bridge: string): Promise<GuestSlot> {
    const address = await slotBehind(guest, bridge);
    const found = await guest.sh(`grep -lxF ${address} ${folder}/*/address || :`);
    const [file] = found.split('\n');
    if (file === undefined || file === '') {
      const known = await guest.sh(`cat ${folder}/*/address 2>/dev/null || :`);
      throw new GuestError(
        `no hotplug driver of the guest has a slot at ${address}, behind ${bridge}; it has: ${known.replaceAll('\n', ', ') || 'none'}`,
      );
    }
    return new GuestSlot(guest, file.replace(/\/address$/, ''));
  }

  /** Whether the slot has power. */
  async isOn(): Promise<boolean> {
    return (await this.guest.sh(`cat ${this.path}/power`)) === '1';
  }

  /**
   * Switches power off, by which the guest lets go of a device, and resolves when QEMU has deleted it: what an operator does at a slot of
   * pciehp, and how acpiphp ejects.
   */
  async eject(id: string): Promise<void> {
    const { machine, deadline } = this.guest;
    const deleted = machine.deletionOf(id, deadline);
    // Where the guest cannot do it, nobody awaits it.
    deleted.catch(() => undefined);
    await this.powerOff();
    await deleted;
    machine.forgetDevice(id);
  }

  /** Switches power off: the guest lets go of what is in it, and QEMU takes it out. ACPI's driver ejects it in this way. */
  async powerOff(): Promise<void> {
    await this.guest.sh(`echo 0 > ${this.path}/power`);
  }

  /** Waits until nothing is in the slot: for a moment after power went off, its device is still there. */
  async emptied(): Promise<void> {
    await this.guest.until(`[ "$(cat ${this.path}/adapter)" = 0 ]`, `an empty slot at ${this.path}`);
  }

  async powerOn(): Promise<void> {
    await this.guest.sh(`echo 1 > ${this.path}/power`);
  }
}
