import { hex } from '../../core/hex.js';
import type { Check } from './check.js';

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
        await client.write(7, at, inverted).catch(() => undefined);
        const after = await client.read(7, at, 4);
        if (!after.equals(before.subarray(at, at + 4))) {
          bench.find(`a write to ${hex(at)} changed what must stay`);
          await client.write(7, at, before.subarray(at, at + 4));
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
];

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
