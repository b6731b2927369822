import { hex } from '../core/hex.js';
import { GuestError } from '../core/errors.js';
import type { PciAccess } from '../pci/access.js';
import type { PciAddress } from '../pci/address.js';
import { memoryBase } from '../pci/base-address.js';
import { capabilityIds } from '../pci/capability-ids.js';
import { findCapability } from '../pci/registers.js';
import type { QtestClient } from '../qtest/client.js';
import type { SlotController } from './slot-controller.js';

/** Offset of the Dword Select register in the capability. Source: PCI Standard Hot-Plug Controller Specification 1.0, 4.6. */
const dwordSelect = 0x02;
const dwordData = 0x04;
/** Offsets in the working register set, in bytes. Same specification, 4.8. */
const working = { baseOffset: 0x00, slots: 0x0c, command: 0x14, logicalSlot: 0x24 };
/** Fields of a slot operation command and of a logical slot register; they share their places. */
const slotState = { mask: 0x03, enabled: 0x02, disabled: 0x03 };
const powerLed = { on: 0x04, off: 0x0c };
const buttonPressed = 1 << (16 + 2);
const presenceChanged = 1 << 16;

/** What a guest's shpchp does to one slot of a bridge with a Standard Hot-Plug Controller, through its registers in memory. */
export class ShpcSlot implements SlotController {
  private constructor(
    private readonly qtest: QtestClient,
    /** Guest address of the working register set. */
    private readonly base: number,
    /** Logical slots are numbered from 1, in the order of their device numbers. */
    private readonly slot: { number: number; name: string },
  ) {}

  /**
   * Finds the registers of the controller that serves a slot. Throws GuestError where no firmware has mapped them.
   * Memory is used because QEMU takes writes through the capability's Dword Data from the wrong place (hw/pci/shpc.c, 5.2 to 11.1).
   */
  static async open(
    qtest: QtestClient,
    access: PciAccess,
    at: { bridge: PciAddress; device: number; name: string },
  ): Promise<ShpcSlot> {
    const { bridge } = at;
    const space = await access.readSpace(bridge);
    const shpc = findCapability(space, capabilityIds.standardHotPlug);
    if (!shpc) throw new GuestError(`the bridge above ${at.name} has no Standard Hot-Plug Controller`);
    const bar = memoryBase(space, 0);
    if (bar === undefined) throw new GuestError(`the hot-plug controller above ${at.name} has no address`);
    await access.write(bridge, { offset: shpc.offset + dwordSelect, width: 1 }, working.baseOffset);
    const base = bar + (await access.read(bridge, shpc.offset + dwordData, 4));
    const firstDevice = ((await qtest.readMemory(base + working.slots, 4)) >>> 8) & 0x1f;
    return new ShpcSlot(qtest, base, { number: at.device - firstDevice + 1, name: at.name });
  }

  async acceptPlug(): Promise<void> {
    const register = await this.readSlot();
    if ((register & (buttonPressed | presenceChanged)) === 0) {
      throw new GuestError(
        `the hot-plug controller reports no event in ${this.slot.name}: its register is ${hex(register)}`,
      );
    }
    await this.clearEvents(register);
    await this.command(slotState.enabled | powerLed.on);
    await this.expectState(slotState.enabled, 'enabled');
  }

  async releaseDevice(): Promise<void> {
    const register = await this.readSlot();
    if ((register & buttonPressed) === 0) {
      throw new GuestError(
        `nobody pressed the attention button of ${this.slot.name}: its register is ${hex(register)}`,
      );
    }
    await this.clearEvents(register);
    await this.command(slotState.disabled | powerLed.off);
    await this.expectState(slotState.disabled, 'disabled');
    await this.clearEvents(await this.readSlot());
  }

  private async command(code: number): Promise<void> {
    await this.qtest.writeMemory(this.base + working.command, 2, (this.slot.number << 8) | code);
  }

  private async expectState(state: number, name: string): Promise<void> {
    const register = await this.readSlot();
    if ((register & slotState.mask) === state) return;
    throw new GuestError(
      `the hot-plug controller did not leave ${this.slot.name} ${name}: its register is ${hex(register)}`,
    );
  }

  private readSlot(): Promise<number> {
    return this.qtest.readMemory(this.slotRegister, 4);
  }

  /** Writes back what was read: latches clear where they were set, the interrupt masks beside them stay. */
  private async clearEvents(register: number): Promise<void> {
    await this.qtest.writeMemory(this.slotRegister, 4, register);
  }

  private get slotRegister(): number {
    return this.base + working.logicalSlot + (this.slot.number - 1) * 4;
  }
}
