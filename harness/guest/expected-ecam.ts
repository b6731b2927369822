import { StateError } from '../core/errors.js';
import { hex } from '../core/hex.js';
import { familyOf } from '../machine/family.js';
import type { Machine } from '../machine/machine.js';
import { EcamAccess, type MemoryAccess, type PciAccess } from '../pci/access.js';
import { devfn, type PciAddress } from '../pci/address.js';
import type { PortWidth } from '../qtest/client.js';

/** Where every machine that has configuration space in memory has its host bridge. */
const hostBridge: PciAddress = { bus: 0, device: 0, function: 0 };

/**
 * Proves with one read that a machine whose configuration space is in memory from its start has it where `machines/FAMILY.yaml` says, for
 * what reads as zeroes on both sides of a migration would pass for unchanged. Nothing is asked where firmware decides on the place, or
 * there is none. Throws StateError.
 */
export async function proveEcam(machine: Machine): Promise<void> {
  const { ecam } = familyOf(machine.spec.machineType);
  if (!ecam?.register) await expectedEcam(machine)?.read(hostBridge, 0, 2);
}

/**
 * Configuration space where `machines/FAMILY.yaml` says that a machine has it in memory; undefined for a family that has none there. The first
 * look at the host bridge proves the place, without a read more: it throws StateError where no bridge answers.
 */
export function expectedEcam({ qtest, spec, label }: Machine): PciAccess | undefined {
  const { ecam, family } = familyOf(spec.machineType);
  return ecam && new ExpectedEcam(qtest, { base: ecam.base, label, file: `machines/${family}.yaml` });
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

  private prove(address: PciAddress, vendorId: number): void {
    if (this.isProved || address.bus !== hostBridge.bus || devfn(address) !== devfn(hostBridge)) return;
    const { base, label, file } = this.place;
    this.isProved = vendorId !== 0 && vendorId !== 0xffff;
    if (this.isProved) return;
    throw new StateError(
      `configuration space of the ${label} QEMU is not at ${hex(base)}, which is its place in ${file}: the Vendor ID of the host bridge 00:00.0 reads as ${hex(vendorId)}`,
    );
  }
}
