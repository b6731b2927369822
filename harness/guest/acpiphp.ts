import { hex } from '../core/hex.js';
import { GuestError } from '../core/errors.js';
import type { QtestClient } from '../qtest/client.js';
import type { SlotController } from './slot-controller.js';

/** Offsets from the base port. Source: QEMU docs/specs/acpi_pci_hotplug.rst. */
const registers = { up: 0x00, down: 0x04, eject: 0x08, select: 0x10 };
/** hw/acpi/pcihp.c: ACPI_PCIHP_MAX_HOTPLUG_BUS. */
const busSelectors = 256;

/** True where the ACPI hotplug ports answer; ports that nobody owns read as all ones. */
export async function hasAcpiHotplug(qtest: QtestClient, port: number): Promise<boolean> {
  return (await qtest.in(port + registers.select, 4)) !== 0xffffffff;
}

/** What the AML that QEMU gives its guests does on a hotplug event: look at every bus selector, then eject. */
export class AcpiHotplug implements SlotController {
  /**
   * @param bsel the bus selector of the slot's bus, as QEMU numbered it (QOM property `acpi-pcihp-bsel`)
   * @param device the slot's device number on that bus
   */
  constructor(
    private readonly qtest: QtestClient,
    private readonly port: number,
    private readonly slot: { bsel: number; device: number; name: string },
  ) {
    if (slot.bsel >= busSelectors) throw new GuestError(`bus selector ${slot.bsel} of ${slot.name} is out of range`);
  }

  async acceptPlug(): Promise<void> {
    const up = await this.readSelected(registers.up);
    if ((up & this.bit) === 0) {
      throw new GuestError(
        `ACPI reports no new device in ${this.slot.name}: PCI_UP of bus selector ${this.slot.bsel} is ${hex(up)}`,
      );
    }
  }

  async releaseDevice(): Promise<void> {
    const down = await this.readSelected(registers.down);
    if ((down & this.bit) === 0) {
      throw new GuestError(
        `ACPI reports no request to eject ${this.slot.name}: PCI_DOWN of bus selector ${this.slot.bsel} is ${hex(down)}`,
      );
    }
    await Promise.all([this.select(), this.qtest.out(this.port + registers.eject, 4, this.bit)]);
  }

  private get bit(): number {
    return (1 << this.slot.device) >>> 0;
  }

  private select(): Promise<void> {
    return this.qtest.out(this.port + registers.select, 4, this.slot.bsel);
  }

  private async readSelected(register: number): Promise<number> {
    const [, value] = await Promise.all([this.select(), this.qtest.in(this.port + register, 4)]);
    return value;
  }
}
