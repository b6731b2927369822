import type { PortWidth } from '../qtest/client.js';
import type { RtasCall } from '../qtest/rtas.js';
import type { ConfigField, PciAccess } from './access.js';
import { devfn, type PciAddress } from './address.js';

/** The unit ID of a PCI host bridge, by which RTAS knows it: two words. */
export interface BusUnitId {
  high: number;
  low: number;
}

/** Configuration space of conventional PCI. */
const conventionalBytes = 256;
const absent = 0xffffffff;

/**
 * Configuration space of pseries machines, where a guest asks RTAS for it.
 * Source: Power Architecture Platform Reference, 7.3.4; QEMU hw/ppc/spapr_pci.c, rtas_ibm_read_pci_config().
 */
export class RtasAccess implements PciAccess {
  readonly spaceBytes = 4096;

  /** @param call makes RTAS calls, by a guest's own instructions or without one. */
  constructor(
    private readonly call: RtasCall,
    private readonly buid: BusUnitId,
  ) {}

  async read(address: PciAddress, offset: number, width: PortWidth): Promise<number> {
    const args = [configAddress(address, offset), this.buid.high, this.buid.low, width];
    const [status, value = absent] = await this.call('ibm,read-pci-config', args, 2);
    return ((status === 0 ? value : absent) & (absent >>> (32 - 8 * width))) >>> 0;
  }

  async write(address: PciAddress, { offset, width }: ConfigField, value: number): Promise<void> {
    const args = [configAddress(address, offset), this.buid.high, this.buid.low, width, value];
    await this.call('ibm,write-pci-config', args, 1);
  }

  /** All of it is 256 bytes where the function answers for no more. */
  async readSpace(address: PciAddress, bytes?: number): Promise<Uint8Array> {
    if (bytes !== undefined) return this.readWords(address, 0, bytes);
    const [first, next] = await Promise.all([
      this.readWords(address, 0, conventionalBytes),
      this.read(address, conventionalBytes, 4),
    ]);
    if (next === absent) return first;
    const rest = await this.readWords(address, conventionalBytes, this.spaceBytes);
    return Buffer.concat([first, rest]);
  }

  private async readWords(address: PciAddress, from: number, to: number): Promise<Buffer> {
    const offsets = Array.from({ length: (to - from) / 4 }, (_, index) => from + 4 * index);
    const words = await Promise.all(offsets.map((offset) => this.read(address, offset, 4)));
    const space = Buffer.alloc(to - from);
    words.forEach((word, index) => space.writeUInt32LE(word >>> 0, 4 * index));
    return space;
  }
}

/** A register of a function in one word: bits 8 to 11 of its offset are on top. Without an offset, the function alone. */
export function configAddress(address: PciAddress, offset = 0): number {
  return (((offset & 0xf00) << 20) | (address.bus << 16) | (devfn(address) << 8) | (offset & 0xff)) >>> 0;
}
