import type { MemoryAccess } from '../../pci/access.js';
import type { PortWidth } from '../../qtest/client.js';
import { type Command, commands } from './protocol.js';

/** Memory by the guest's own instructions, one round trip an access, 4 bytes at most. */
export class GuestMemory implements MemoryAccess {
  /** @param request asks the guest. */
  constructor(private readonly request: (command: Command) => Promise<bigint>) {}

  async readMemory(address: number, width: PortWidth): Promise<number> {
    return Number(await this.request(commands.readMemory(address, width)));
  }

  async writeMemory(address: number, width: PortWidth, value: number): Promise<void> {
    await this.request(commands.writeMemory(address, width, BigInt(value)));
  }

  async readBlock(address: number, bytes: number): Promise<Buffer> {
    const block = Buffer.alloc(bytes);
    const offsets = Array.from({ length: bytes / 4 }, (_, index) => index * 4);
    await Promise.all(
      offsets.map(async (offset) => block.writeUInt32LE(await this.readMemory(address + offset, 4), offset)),
    );
    return block;
  }
}
