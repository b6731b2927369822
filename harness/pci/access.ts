import type { PortWidth, QtestClient } from '../qtest/client.js';
import { devfn, type PciAddress } from './address.js';

/** Where in configuration space, and how wide: both in bytes. */
export interface ConfigField {
  offset: number;
  width: PortWidth;
}

/** A way to reach configuration space as a guest does. What is not there reads as all ones. */
export interface PciAccess {
  /** Bytes of configuration space that this way reaches: 256 through ports, 4096 through ECAM. */
  readonly spaceBytes: number;
  read(address: PciAddress, offset: number, width: PortWidth): Promise<number>;
  write(address: PciAddress, at: ConfigField, value: number): Promise<void>;
  /** The configuration space of one function from its start: all of it, or so many bytes. */
  readSpace(address: PciAddress, bytes?: number): Promise<Uint8Array>;
}

const configAddressPort = 0xcf8;
const configDataPort = 0xcfc;

/** Configuration mechanism #1: ports 0xcf8 and 0xcfc. Source: PCI Local Bus Specification 3.0, 3.2.2.3.2. */
export class PortAccess implements PciAccess {
  readonly spaceBytes = 256;

  constructor(private readonly qtest: QtestClient) {}

  async read(address: PciAddress, offset: number, width: PortWidth): Promise<number> {
    const [, value] = await Promise.all([
      this.select(address, offset),
      this.qtest.in(configDataPort + (offset & 3), width),
    ]);
    return value;
  }

  async write(address: PciAddress, { offset, width }: ConfigField, value: number): Promise<void> {
    await Promise.all([this.select(address, offset), this.qtest.out(configDataPort + (offset & 3), width, value)]);
  }

  async readSpace(address: PciAddress, bytes = this.spaceBytes): Promise<Uint8Array> {
    const offsets = Array.from({ length: bytes / 4 }, (_, index) => index * 4);
    const words = await Promise.all(offsets.map((offset) => this.read(address, offset, 4)));
    const space = Buffer.alloc(bytes);
    words.forEach((word, index) => space.writeUInt32LE(word >>> 0, index * 4));
    return space;
  }

  /** Does what is asked and puts the address back that was selected before: it is the guest's. */
  async keepingSelection<T>(work: () => Promise<T>): Promise<T> {
    const selected = await this.qtest.in(configAddressPort, 4);
    const result = await work();
    await this.qtest.out(configAddressPort, 4, selected);
    return result;
  }

  private select(address: PciAddress, offset: number): Promise<void> {
    const selector = 0x80000000 | (address.bus << 16) | (devfn(address) << 8) | (offset & 0xfc);
    return this.qtest.out(configAddressPort, 4, selector);
  }
}

/** Who reads and writes physical memory: the qtest socket, or a guest itself. */
export type MemoryAccess = Pick<QtestClient, 'readMemory' | 'writeMemory' | 'readBlock'>;

/** The enhanced mechanism: configuration space in memory. Source: PCI Express Base Specification 5.0, 7.2.2. */
export class EcamAccess implements PciAccess {
  readonly spaceBytes = 4096;

  /** @param base physical address of bus 0. */
  constructor(
    private readonly memory: MemoryAccess,
    private readonly base: number,
  ) {}

  read(address: PciAddress, offset: number, width: PortWidth): Promise<number> {
    return this.memory.readMemory(this.at(address) + offset, width);
  }

  write(address: PciAddress, { offset, width }: ConfigField, value: number): Promise<void> {
    return this.memory.writeMemory(this.at(address) + offset, width, value);
  }

  readSpace(address: PciAddress, bytes = this.spaceBytes): Promise<Uint8Array> {
    return this.memory.readBlock(this.at(address), bytes);
  }

  private at(address: PciAddress): number {
    return this.base + address.bus * 0x100000 + devfn(address) * 0x1000;
  }
}
