import { GuestError } from '../core/errors.js';
import type { PciAccess } from '../pci/access.js';
import type { PciAddress } from '../pci/address.js';
import type { PortWidth } from '../qtest/client.js';
import type { SlotController } from './slot-controller.js';

/** Capability ID of a Standard Hot-Plug Controller. Source: PCI Local Bus Specification 3.0, appendix H. */
export const shpcCapability = 0x0c;

/** Offsets inside the capability. Source: PCI Standard Hot-Plug Controller and Subsystem Specification 1.0, 4.6. */
const capability = { dwordSelect: 0x02, dwordData: 0x04 };
/** Offsets in the working register set, in bytes. Same specification, 4.8. */
const working = { slots: 0x0c, command: 0x14, logicalSlot: 0x24 };
/** Fields of a slot operation command and of a logical slot register; they share their places. */
const slotState = { mask: 0x03, enabled: 0x02, disabled: 0x03 };
const powerLed = { on: 0x04, off: 0x0c };
const buttonPressed = 1 << (16 + 2);
const presenceChanged = 1 << 16;

/** What a guest's shpchp does to one slot of a bridge with a Standard Hot-Plug Controller, through the bridge's own capability. */
export class ShpcSlot implements SlotController {
  readonly method = 'shpchp';
  private firstDevice: number | undefined;

  constructor(
    private readonly access: PciAccess,
    private readonly bridge: PciAddress,
    private readonly slot: { capabilityOffset: number; device: number; name: string },
  ) {}

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
    await this.write(working.command, 2, ((await this.number()) << 8) | code);
  }

  private async expectState(state: number, name: string): Promise<void> {
    const register = await this.readSlot();
    if ((register & slotState.mask) === state) return;
    throw new GuestError(
      `the hot-plug controller did not leave ${this.slot.name} ${name}: its register is ${hex(register)}`,
    );
  }

  /** Logical slots are numbered from 1, in the order of their device numbers. */
  private async number(): Promise<number> {
    this.firstDevice ??= ((await this.read(working.slots)) >>> 8) & 0x1f;
    return this.slot.device - this.firstDevice + 1;
  }

  private async offset(): Promise<number> {
    return working.logicalSlot + ((await this.number()) - 1) * 4;
  }

  private async readSlot(): Promise<number> {
    return this.read(await this.offset());
  }

  /** Writes back what was read: latches clear where they were set, the interrupt masks beside them stay. */
  private async clearEvents(register: number): Promise<void> {
    await this.write(await this.offset(), 4, register);
  }

  private async read(offset: number): Promise<number> {
    const [, value] = await Promise.all([this.select(offset), this.access.read(this.bridge, this.data, 4)]);
    return value;
  }

  private async write(offset: number, width: PortWidth, value: number): Promise<void> {
    await Promise.all([this.select(offset), this.access.write(this.bridge, this.data, width, value)]);
  }

  private select(offset: number): Promise<void> {
    return this.access.write(this.bridge, this.slot.capabilityOffset + capability.dwordSelect, 1, offset / 4);
  }

  private get data(): number {
    return this.slot.capabilityOffset + capability.dwordData;
  }
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}
