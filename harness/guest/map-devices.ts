import type { MachineFamily } from '../machine/family.js';
import type { PciAccess } from '../pci/access.js';
import { formatAddress } from '../pci/address.js';
import type { ConfigSnapshot, ListedFunction } from './config-snapshot.js';

/** Every bus number owns 1 MiB of the room that the machine has for BARs: the smallest window that a bridge can open. */
const mebibyte = 0x100000;

const registers = { command: 0x04, bar0: 0x10, memoryWindow: 0x20 };
/** Bytes of a function's header, before its capabilities. */
const headerBytes = 64;
const memorySpaceEnable = 0x2;
const busMasterEnable = 0x4;

interface Placed {
  listed: ListedFunction;
  bars: { bar: number; address: number; is64Bit: boolean }[];
}

/** Where the room for BARs begins, as an address on the bus. */
type PciMemory = Pick<MachineFamily['pciMemory'], 'first'>;

type BarChoice = (listed: ListedFunction, bar: number) => boolean;

/**
 * Gives an address to every memory BAR that has none yet, as firmware does, with a window in every bridge on the way, and memory decoding.
 * Leaves alone what is mapped already, I/O BARs, and what does not fit into its bus's MiB. Sizes are QEMU's word (`query-pci`), which
 * saves writing and reading every BAR.
 */
export async function mapDevices(
  access: PciAccess,
  functions: readonly ListedFunction[],
  { first }: PciMemory,
): Promise<void> {
  const { placed, changed } = plan(functions, { first, wanted: () => true });
  const commands = await Promise.all(changed.map(({ address }) => access.read(address, registers.command, 2)));
  await write(access, { placed, first }, new Map(changed.map((listed, index) => [listed, commands[index] ?? 0])));
}

/** BARs that are to be reached. */
interface Reach {
  snapshot: ConfigSnapshot;
  reaching: (config: Uint8Array) => ReadonlySet<number>;
}

/**
 * The same for some BARs only, chosen by the configuration space of their function; what it changes is read anew into the snapshot.
 * What nobody needs had better stay without an address: QEMU renders all of its address spaces anew for every BAR that gets one
 * (system/memory.c), and does so again where the guest arrives.
 */
export async function reachDevices(
  access: PciAccess,
  functions: readonly ListedFunction[],
  { snapshot, reaching, first }: Reach & PciMemory,
): Promise<void> {
  const spaces = new Map(functions.map((listed) => [listed, snapshot.get(formatAddress(listed.address))?.config]));
  const chosen = new Map(Array.from(spaces, ([listed, config]) => [listed, config && reaching(config)]));
  const wanted: BarChoice = (listed, bar) => chosen.get(listed)?.has(bar) === true;
  const { placed, changed } = plan(functions, { first, wanted });
  const commands = changed.map((listed): [ListedFunction, number] => {
    const [low = 0, high = 0] = spaces.get(listed)?.subarray(registers.command) ?? [];
    return [listed, low | (high << 8)];
  });
  const written = write(access, { placed, first }, new Map(commands));
  // Asked for at once: QEMU answers in order.
  const headers = changed.map(async (listed) => {
    spaces.get(listed)?.set(await access.readSpace(listed.address, headerBytes));
  });
  await Promise.all([written, ...headers]);
}

/** @returns the functions that get addresses, and all those that this changes: they and the bridges above them. */
function plan(
  functions: readonly ListedFunction[],
  { first, wanted }: PciMemory & { wanted: BarChoice },
): { placed: Placed[]; changed: ListedFunction[] } {
  const buses = new Set(functions.map(({ address }) => address.bus));
  const placed = [...buses].flatMap((bus) =>
    place(
      first + bus * mebibyte,
      functions.filter(({ address }) => address.bus === bus),
      wanted,
    ),
  );
  const bridges = placed.flatMap(({ listed }) => bridgesAbove(listed));
  return { placed, changed: [...new Set([...bridges, ...placed.map(({ listed }) => listed)])] };
}

/** @param commands what every function that is to change has in its Command register. */
async function write(
  access: PciAccess,
  { placed, first }: PciMemory & { placed: readonly Placed[] },
  commands: ReadonlyMap<ListedFunction, number>,
): Promise<void> {
  const bridges = new Set(placed.flatMap(({ listed }) => bridgesAbove(listed)));
  await Promise.all([
    ...placed.flatMap(({ listed, bars }) => bars.flatMap((bar) => writeBar(access, listed, bar))),
    ...[...bridges].map((bridge) => openWindow(access, bridge, first)),
    ...Array.from(commands, ([{ address, buses }, command]) => {
      const enable = memorySpaceEnable | (buses ? busMasterEnable : 0);
      return access.write(address, { offset: registers.command, width: 2 }, command | enable);
    }),
  ]);
}

/** Finds room from `base` on for what has no address on one bus, the largest BARs first. */
function place(base: number, functions: readonly ListedFunction[], wanted: BarChoice): Placed[] {
  let next = functions
    .flatMap(({ regions }) => regions)
    .filter(({ address }) => address >= base && address < base + mebibyte)
    .reduce((end, { address, size }) => Math.max(end, address + size), base);
  const placed = functions.map((listed): Placed => ({ listed, bars: [] }));
  const waiting = placed.flatMap(({ listed, bars }) =>
    listed.regions.filter(({ bar, address }) => address < 0 && wanted(listed, bar)).map((region) => ({ region, bars })),
  );
  for (const { region, bars } of waiting.sort((a, b) => b.region.size - a.region.size)) {
    const address = Math.ceil(next / region.size) * region.size;
    if (address + region.size > base + mebibyte) continue;
    bars.push({ bar: region.bar, address, is64Bit: region.is64Bit });
    next = address + region.size;
  }
  return placed.filter(({ bars }) => bars.length > 0);
}

function writeBar(access: PciAccess, { address }: ListedFunction, bar: Placed['bars'][number]): Promise<void>[] {
  const at = (index: number): { offset: number; width: 4 } => ({ offset: registers.bar0 + 4 * index, width: 4 });
  const low = access.write(address, at(bar.bar), bar.address);
  return bar.is64Bit ? [low, access.write(address, at(bar.bar + 1), 0)] : [low];
}

function openWindow(access: PciAccess, { address, buses }: ListedFunction, first: number): Promise<void> {
  if (!buses || buses.secondary === 0) return Promise.resolve();
  const from = (first + buses.secondary * mebibyte) >>> 16;
  const to = (first + buses.subordinate * mebibyte) >>> 16;
  const window = ((to & 0xfff0) << 16) | (from & 0xfff0);
  return access.write(address, { offset: registers.memoryWindow, width: 4 }, window);
}

function bridgesAbove({ bridge }: ListedFunction): ListedFunction[] {
  return bridge ? [...bridgesAbove(bridge), bridge] : [];
}
