import { hex } from '../core/hex.js';
import { GuestError } from '../core/errors.js';
import type { PciAccess } from '../pci/access.js';
import type { PciAddress } from '../pci/address.js';
import { SlotControl, SlotStatus } from '../pci/registers.js';
import type { SlotController } from './slot-controller.js';

/** Offsets of the slot registers in the PCI Express capability. Source: PCI Express Base Specification 5.0, 7.5.3. */
const registers = { slotCapabilities: 0x14, slotControl: 0x18, slotStatus: 0x1a };
/** Slot Capabilities, bit 6: Hot-Plug Capable. */
const hotPlugCapable = 0x40;
/** Values of the Power Indicator Control field. */
const powerIndicator = { on: 0x0100, off: 0x0300 };
const events = SlotStatus.ABP | SlotStatus.PFD | SlotStatus.MRLSC | SlotStatus.PDC | SlotStatus.CC;

/** Slot Control and Slot Status of one port, and what a guest's pciehp does with them. */
export class PciehpSlot implements SlotController {
  /**
   * @param port the root port or downstream port
   * @param slot offset of the port's PCI Express capability, and the port's name for messages
   */
  constructor(
    private readonly access: PciAccess,
    private readonly port: PciAddress,
    private readonly slot: { capabilityOffset: number; name: string },
  ) {}

  async control(): Promise<number> {
    return this.access.read(this.port, this.slot.capabilityOffset + registers.slotControl, 2);
  }

  async status(): Promise<number> {
    return this.access.read(this.port, this.slot.capabilityOffset + registers.slotStatus, 2);
  }

  /** True where the slot says that it can be hot-plugged. */
  async isHotPlugCapable(): Promise<boolean> {
    const capabilities = await this.access.read(this.port, this.slot.capabilityOffset + registers.slotCapabilities, 4);
    return (capabilities & hotPlugCapable) !== 0;
  }

  /** Switches power and the power indicator on, and waits for the command to complete. */
  powerOn(): Promise<void> {
    return this.command(powerIndicator.on, SlotControl.PCC | SlotControl.PIC);
  }

  /** Switches power and the power indicator off: QEMU then unplugs what is in the slot by itself. */
  powerOff(): Promise<void> {
    return this.command(SlotControl.PCC | powerIndicator.off, SlotControl.PCC | SlotControl.PIC);
  }

  async acceptPlug(): Promise<void> {
    const status = await this.status();
    if ((status & SlotStatus.PDS) === 0 || (status & (SlotStatus.PDC | SlotStatus.ABP)) === 0) {
      throw new GuestError(`${this.slot.name} reports no new device: Slot Status is ${hex(status)}`);
    }
    await this.clearEvents(status);
    await this.powerOn();
  }

  async releaseDevice(): Promise<void> {
    const status = await this.status();
    if ((status & SlotStatus.ABP) === 0) {
      throw new GuestError(`nobody pressed the attention button of ${this.slot.name}: Slot Status is ${hex(status)}`);
    }
    await this.clearEvents(status);
    await this.powerOff();
    const after = await this.status();
    if ((after & SlotStatus.PDS) !== 0) {
      throw new GuestError(`${this.slot.name} still holds a device after power off: Slot Status is ${hex(after)}`);
    }
    await this.clearEvents(after);
  }

  /** One write of Slot Control, and the Command Completed that must follow it. */
  private async command(value: number, mask: number): Promise<void> {
    const control = await this.control();
    const offset = this.slot.capabilityOffset + registers.slotControl;
    await this.access.write(this.port, { offset, width: 2 }, (control & ~mask) | value);
    const status = await this.status();
    if ((status & SlotStatus.CC) === 0) {
      throw new GuestError(`${this.slot.name} did not complete the command: Slot Status is ${hex(status)}`);
    }
  }

  /** Writes ones only to what was set: QEMU keeps events that a guest clears without having seen them. */
  private async clearEvents(status: number): Promise<void> {
    const offset = this.slot.capabilityOffset + registers.slotStatus;
    await this.access.write(this.port, { offset, width: 2 }, status & events);
  }
}
