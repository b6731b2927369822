const commandOffset = 0x04;
const memorySpaceEnable = 0x2;
const bar0Offset = 0x10;

/**
 * The physical address at which a CPU finds what a memory BAR of a function decodes at this moment; undefined where it decodes none.
 * @param cpuOffset what a CPU adds to an address on the bus (`pciMemory` of the machine's family).
 */
export function memoryBase(config: Uint8Array, bar: number, cpuOffset = 0): number | undefined {
  const view = new DataView(config.buffer, config.byteOffset, config.byteLength);
  const low = view.getUint32(bar0Offset + 4 * bar, true);
  if ((view.getUint16(commandOffset, true) & memorySpaceEnable) === 0 || (low & 1) !== 0) return undefined;
  const is64Bit = (low & 0x6) === 0x4;
  const high = is64Bit ? view.getUint32(bar0Offset + 4 * bar + 4, true) : 0;
  const base = high * 2 ** 32 + ((low & ~0xf) >>> 0);
  return base === 0 ? undefined : base + cpuOffset;
}
