import { hex } from '../../core/hex.js';
import type { VfioUserClient } from '../client.js';
import { regions } from '../protocol/numbers.js';
import type { Check } from './check.js';

const extendedStart = 0x100;
const source = 'PCI Local Bus Specification 3.0, 6.1 and 6.7';

/** The header and the capability list, as whoever walks it has to be able to trust it. */
export const capabilityChecks: readonly Check[] = [
  {
    name: 'config: a header',
    proves: 'The header has a vendor and is of type 0.',
    source,
    run: async (bench) => {
      const config = await bench.config();
      const vendor = config.readUInt16LE(0);
      if (vendor === 0 || vendor === 0xffff) bench.find(`Vendor ID is ${hex(vendor)}`);
      const type = config.readUInt8(0x0e) & 0x7f;
      if (type !== 0) bench.find(`Header Type is ${hex(type)}`);
    },
  },
  {
    name: 'config: the header stays',
    proves: 'What identifies the device and its capabilities cannot be written.',
    source,
    run: async (bench) => {
      const client = await bench.client();
      const before = await bench.config();
      for (const at of [0x00, 0x08, 0x2c, 0x34]) {
        bench.begin();
        const inverted = Buffer.from(before.subarray(at, at + 4).map((byte) => byte ^ 0xff));
        await client.write(regions.config, at, inverted).catch(() => undefined);
        const after = await client.read(regions.config, at, 4);
        if (!after.equals(before.subarray(at, at + 4))) {
          bench.find(`a write to ${hex(at)} changed what must stay`);
          await client.write(regions.config, at, before.subarray(at, at + 4));
        }
      }
    },
  },
  {
    name: 'config: the capability list',
    proves: 'The list ends, no pointer leads into the header or between two words, and each capability has an ID.',
    source,
    run: async (bench) => {
      const config = await bench.config();
      for (const fault of brokenLinks(config)) bench.find(fault);
    },
  },
  {
    name: 'config: the extended capability list',
    proves: 'The list that begins at 0x100 ends, and no pointer leads out of it.',
    source: 'PCI Express Base Specification 5.0, 7.6',
    run: async (bench) => {
      const client = await bench.client();
      const size = Number((await client.regionInfo(regions.config)).size);
      if (size <= extendedStart || size > 4096) return bench.skip(`configuration space has ${size} bytes`);
      bench.begin();
      const fault = await brokenExtendedLink(client, size);
      if (fault !== undefined) bench.find(fault);
    },
  },
];

/** What is wrong with the pointers of the list that begins at 0x100; a first header of zeroes or ones is an empty list. */
async function brokenExtendedLink(client: VfioUserClient, size: number): Promise<string | undefined> {
  const seen = new Set<number>();
  let from = 0;
  for (let at = extendedStart; ;) {
    const link = `the pointer of the capability at ${hex(from)} leads to ${hex(at)}`;
    if ((at & 3) !== 0) return `${link}, which is no multiple of 4`;
    if (at < extendedStart || at + 4 > size) return `${link}, out of the extended space`;
    if (seen.has(at)) return `${link}, where the list was before: it never ends`;
    seen.add(at);
    const header = (await client.read(regions.config, at, 4)).readUInt32LE();
    if (header === 0 || header === 0xffffffff) return from === 0 ? undefined : `${link}, where no capability is`;
    from = at;
    at = header >>> 20;
    if (at === 0) return undefined;
  }
}

/** What is wrong with the pointers of the list that begins in the header. */
function* brokenLinks(config: Buffer): Generator<string> {
  const hasList = (config.readUInt8(0x06) & 0x10) !== 0;
  const seen = new Set<number>();
  let from = 0x34;
  for (let at = config.readUInt8(from); hasList && at !== 0; at = config.readUInt8(from)) {
    const wrong = wrongWith(config, at, seen);
    if (wrong !== undefined) {
      yield `the pointer at ${hex(from)} leads to ${hex(at)}, ${wrong}`;
      return;
    }
    seen.add(at);
    from = at + 1;
  }
}

/** Why there can be no capability at an offset that a pointer leads to. */
function wrongWith(config: Buffer, at: number, seen: ReadonlySet<number>): string | undefined {
  if ((at & 3) !== 0) return 'which is no multiple of 4';
  if (at < 0x40) return 'into the header';
  if (seen.has(at)) return 'where the list was before: it never ends';
  return config.readUInt8(at) === 0xff ? 'where a capability has the ID 0xff' : undefined;
}
