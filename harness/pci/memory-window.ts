import type { PciAccess } from './access.js';
import type { PciAddress } from './address.js';

/** Every bus number owns 1 MiB of the hole below 4 GiB, from here on: the smallest window that a bridge can open. */
const holeBase = 0xe0000000;
const mebibyte = 0x100000;

const registers = {
  command: 0x04,
  bar0: 0x10,
  bar1: 0x14,
  memoryWindow: 0x20,
  secondaryBus: 0x19,
  subordinateBus: 0x1a,
};
/** Command: Memory Space Enable and Bus Master Enable. */
const memoryAndMaster = 0x6;

/**
 * Makes the first BAR of a bridge reachable as firmware would: an address, a window in every bridge on the way, memory decoding.
 * Leaves alone what is mapped already. `path` leads from the root bus down to the bridge. Returns the address.
 */
export async function mapFirstBar(access: PciAccess, path: readonly PciAddress[]): Promise<number> {
  const bridge = path.at(-1);
  if (!bridge) throw new RangeError('the path to a bridge is empty');
  const [bar, command] = await Promise.all([
    access.read(bridge, registers.bar0, 4),
    access.read(bridge, registers.command, 2),
  ]);
  if (isMapped(bar, command)) return (bar & ~0xf) >>> 0;
  const base = holeBase + bridge.bus * mebibyte;
  for (const above of path.slice(0, -1)) await openWindow(access, above);
  await Promise.all([
    access.write(bridge, { offset: registers.bar0, width: 4 }, base),
    ...((bar & 0x4) === 0 ? [] : [access.write(bridge, { offset: registers.bar1, width: 4 }, 0)]),
    access.write(bridge, { offset: registers.command, width: 2 }, command | memoryAndMaster),
  ]);
  return base;
}

function isMapped(bar: number, command: number): boolean {
  return (bar & ~0xf) !== 0 && (command & 0x2) !== 0;
}

async function openWindow(access: PciAccess, bridge: PciAddress): Promise<void> {
  const [secondary, subordinate, command] = await Promise.all([
    access.read(bridge, registers.secondaryBus, 1),
    access.read(bridge, registers.subordinateBus, 1),
    access.read(bridge, registers.command, 2),
  ]);
  const first = (holeBase + secondary * mebibyte) >>> 16;
  const last = (holeBase + subordinate * mebibyte) >>> 16;
  await Promise.all([
    access.write(bridge, { offset: registers.memoryWindow, width: 4 }, ((last & 0xfff0) << 16) | (first & 0xfff0)),
    access.write(bridge, { offset: registers.command, width: 2 }, command | memoryAndMaster),
  ]);
}
