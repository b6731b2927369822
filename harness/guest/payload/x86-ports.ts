import type { PciAccess, ConfigField } from '../../pci/access.js';
import { devfn, type PciAddress } from '../../pci/address.js';
import type { PortWidth } from '../../qtest/client.js';
import { hex } from '../../core/hex.js';
import { type Command, command, firstOwnOpcode } from './protocol.js';

/** A port of an x86 machine, and the width of an access to it in bytes. */
export interface PortField {
  port: number;
  width: PortWidth;
}

/** The commands that only a payload guest for x86 knows. */
export const x86Commands = {
  in: ({ port, width }: PortField): Command =>
    command(`${width} bytes of port ${hex(port)}`, firstOwnOpcode + Math.log2(width), port),
  /** 0 or what was written. */
  out: ({ port, width }: PortField, value: number): Command =>
    command(`${width} bytes into port ${hex(port)}`, firstOwnOpcode + 3 + Math.log2(width), port, value),
  /** A register by what goes to port 0xcf8 for it, and the two bits below. */
  readConfiguration: (selector: number, width: PortWidth): Command =>
    command(`${width} bytes of configuration ${hex(selector)}`, firstOwnOpcode + 6 + Math.log2(width), selector),
  /** 0 or what was written. */
  writeConfiguration: (selector: number, width: PortWidth, value: number): Command =>
    command(
      `${width} bytes into configuration ${hex(selector)}`,
      firstOwnOpcode + 9 + Math.log2(width),
      selector,
      value,
    ),
};

/** Configuration mechanism #1 by the guest's own instructions, one round trip an access. Source: PCI Local Bus Specification 3.0, 3.2.2.3.2. */
export class X86ConfigAccess implements PciAccess {
  readonly spaceBytes = 256;

  /** @param request asks the guest. */
  constructor(private readonly request: (command: Command) => Promise<bigint>) {}

  async read(address: PciAddress, offset: number, width: PortWidth): Promise<number> {
    return Number(await this.request(x86Commands.readConfiguration(selectorOf(address, offset), width)));
  }

  async write(address: PciAddress, { offset, width }: ConfigField, value: number): Promise<void> {
    await this.request(x86Commands.writeConfiguration(selectorOf(address, offset), width, value));
  }

  async readSpace(address: PciAddress, bytes = this.spaceBytes): Promise<Uint8Array> {
    const space = Buffer.alloc(bytes);
    const offsets = Array.from({ length: bytes / 4 }, (_, index) => index * 4);
    await Promise.all(offsets.map(async (offset) => space.writeUInt32LE(await this.read(address, offset, 4), offset)));
    return space;
  }
}

function selectorOf(address: PciAddress, offset: number): number {
  return (0x80000000 | (address.bus << 16) | (devfn(address) << 8) | (offset & 0xff)) >>> 0;
}
