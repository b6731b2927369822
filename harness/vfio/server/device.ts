import { constants } from 'node:os';
import { regions } from '../protocol/numbers.js';
import { configOf, type DeviceModel } from './model.js';
import { SavedState } from './saved-state.js';

/** Why a device does not do what it was asked: a UNIX errno value for the answer. */
export class Refusal extends Error {
  constructor(readonly errno: number) {
    super(`errno ${errno}`);
  }
}

/** How interrupts of one type were set last: flags of SET_IRQS, the first and how many. */
export interface IrqSetup {
  flags: number;
  index: number;
  start: number;
  count: number;
}

const { EINVAL, EEXIST, ENOENT } = constants.errno;

/** A device behind a server: it outlives the connections to it. */
export class Device {
  config: Buffer;
  /** Every SET_IRQS that came, in order. */
  readonly irqSetups: IrqSetup[] = [];
  /** Sizes of the client's memory by address, in bytes. */
  readonly dma = new Map<bigint, bigint>();
  /** How often it was reset. */
  resets = 0;
  readonly saved: SavedState;
  private readonly resetConfig: Buffer;
  private readonly mask: Buffer;
  private readonly bars: Buffer[];

  constructor(readonly model: DeviceModel) {
    const { reset, mask } = configOf(model);
    this.resetConfig = reset;
    this.mask = mask;
    this.config = Buffer.from(reset);
    this.bars = model.bars.map((bytes) => Buffer.alloc(bytes));
    this.saved = new SavedState(this.bars);
  }

  /** Bytes of a region; 0 for one that the device has not. */
  regionBytes(index: number): number {
    return index === regions.config ? this.config.length : (this.bars[index]?.length ?? 0);
  }

  /** Throws Refusal outside of the region. */
  read(region: number, offset: bigint, count: number): Buffer {
    const at = this.within(region, offset, count);
    const space = region === regions.config ? this.config : this.bars[region];
    return Buffer.from(space?.subarray(at, at + count) ?? []);
  }

  /** Writes the bits that can be written, byte by byte, as PCI has it; the others stay. Throws Refusal outside of the region. */
  write(region: number, offset: bigint, data: Buffer): void {
    const at = this.within(region, offset, data.length);
    if (region !== regions.config) {
      this.bars[region]?.set(data, at);
      return;
    }
    for (const [index, byte] of data.entries()) {
      const mask = this.mask[at + index] ?? 0;
      this.config[at + index] = ((this.config[at + index] ?? 0) & ~mask) | (byte & mask);
    }
  }

  reset(): void {
    this.resets += 1;
    this.config = Buffer.from(this.resetConfig);
    for (const bar of this.bars) bar.fill(0);
    this.irqSetups.length = 0;
    this.saved.reset();
  }

  /** Throws Refusal (EEXIST) where the memory overlaps what is mapped already. */
  mapDma(address: bigint, size: bigint): void {
    if (size === 0n || address + size > 1n << 64n) throw new Refusal(EINVAL);
    for (const [start, bytes] of this.dma) {
      if (address < start + bytes && start < address + size) throw new Refusal(EEXIST);
    }
    this.dma.set(address, size);
  }

  /** Throws Refusal where nothing of just that size was mapped at that address. */
  unmapDma(address: bigint, size: bigint): void {
    if (this.dma.get(address) !== size) throw new Refusal(ENOENT);
    this.dma.delete(address);
  }

  private within(region: number, offset: bigint, count: number): number {
    if (offset + BigInt(count) > BigInt(this.regionBytes(region))) throw new Refusal(EINVAL);
    return Number(offset);
  }
}
