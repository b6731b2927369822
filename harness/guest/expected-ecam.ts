import { StateError } from '../core/errors.js';
import { hex } from '../core/hex.js';
import { familyOf } from '../machine/family.js';
import type { Machine } from '../machine/machine.js';
import { EcamAccess, type MemoryAccess, type PciAccess } from '../pci/access.js';
import type { PciAddress } from '../pci/address.js';
import type { PortWidth } from '../qtest/client.js';

/**
 * Configuration space where `machines/FAMILY.yaml` says that a machine has it in memory; undefined for a family that has none there. A first
 * look at the host bridge proves the place, without a read more: it throws StateError where no bridge answers, for what reads as zeroes
 * on both sides of a migration would pass for unchanged.
 * @param memory who reads and writes, where that is not the qtest socket.
 */
export function expectedEcam(machine: Machine, memory: MemoryAccess = machine.qtest): PciAccess | undefined {
  const { ecam, family } = familyOf(machine.spec.machineType);
  return ecam && new ExpectedEcam(memory, { base: ecam.base, label: machine.label, file: `machines/${family}.yaml` });
}

class ExpectedEcam extends EcamAccess {
  private isProved = false;

  constructor(
    memory: MemoryAccess,
    private readonly place: { base: number; label: string; file: string },
  ) {
    super(memory, place.base);
  }

  override async read(address: PciAddress, offset: number, width: PortWidth): Promise<number> {
    const value = await super.read(address, offset, width);
    if (offset === 0 && width > 1) this.prove(address, value & 0xffff);
    return value;
  }

  override async readSpace(address: PciAddress, bytes = this.spaceBytes): Promise<Uint8Array> {
    const space = await super.readSpace(address, bytes);
    const [low = 0, high = 0] = space;
    this.prove(address, low | (high << 8));
    return space;
  }

  private prove({ bus, device, function: number }: PciAddress, vendorId: number): void {
    if (this.isProved || bus !== 0 || device !== 0 || number !== 0) return;
    const { base, label, file } = this.place;
    this.isProved = vendorId !== 0 && vendorId !== 0xffff;
    if (this.isProved) return;
    throw new StateError(
      `configuration space of the ${label} QEMU is not at ${hex(base)}, which is its place in ${file}: the Vendor ID of the host bridge 00:00.0 reads as ${hex(vendorId)}`,
    );
  }
}
