import { encodeMessage, messageFlags } from '../protocol/message.js';
import { commandName, commands, irqs, irqSetFlags, regions } from '../protocol/numbers.js';
import { deviceFeature, dmaMap, irqSet, migrationData, regionAccess } from '../protocol/payloads.js';
import type { Bench } from './bench.js';
import type { Check } from './check.js';

const source = 'QEMU docs/interop/vfio-user.rst, Header and Read and Write Operations';
/** Room for what a server may have, so that what is meant to be out of range is. */
const far = 0x7fffffff;
const id = 0x0909;

/** A message that means nothing: it must be answered with an error, or the connection closed. */
interface Malformed {
  name: string;
  bytes: Buffer;
  /** True where the rest of the message never comes: a server that waits for it is in its right. */
  unfinished?: true;
  /** What it asks for, where the specification does not say that it cannot be: a server that does it is noted. */
  open?: string;
}

const malformed: readonly Malformed[] = [
  { name: 'a size below the header', bytes: resized(message(commands.DEVICE_RESET), 8) },
  { name: 'a size of zero', bytes: resized(message(commands.DEVICE_RESET), 0) },
  { name: 'a size of 4 GiB', bytes: resized(message(commands.REGION_WRITE), 0xffffffff), unfinished: true },
  { name: 'half a header', bytes: message(commands.DEVICE_GET_INFO).subarray(0, 7), unfinished: true },
  {
    name: 'half a payload',
    bytes: message(commands.DEVICE_GET_INFO, Buffer.alloc(16)).subarray(0, 20),
    unfinished: true,
  },
  { name: 'no command', bytes: message(0) },
  { name: 'an unknown command', bytes: message(0xfff) },
  { name: 'an unknown message type', bytes: message(commands.DEVICE_GET_INFO, Buffer.alloc(16), 0xf) },
  { name: 'DEVICE_GET_INFO without payload', bytes: message(commands.DEVICE_GET_INFO) },
  { name: 'REGION_READ with half its payload', bytes: message(commands.REGION_READ, Buffer.alloc(8)) },
  { name: 'REGION_READ of 4 GiB', bytes: read(0n, regions.config, 0xffffffff) },
  { name: 'REGION_READ beyond 64 bits', bytes: read(0xffffffffffffffffn, regions.config, 4) },
  { name: 'REGION_READ of a region that is not there', bytes: read(0n, far, 4) },
  { name: 'REGION_WRITE with less data than it says', bytes: write(4, Buffer.alloc(2)) },
  { name: 'REGION_WRITE with more data than it says', bytes: write(1, Buffer.alloc(64)) },
  { name: 'DMA_MAP with half its payload', bytes: message(commands.DMA_MAP, Buffer.alloc(16)) },
  {
    name: 'DMA_MAP beyond 64 bits',
    bytes: mapped(0xfffffffffffff000n, 0x2000n),
    open: 'memory that goes on beyond the last address',
  },
  { name: 'DEVICE_SET_IRQS of interrupts that are not there', bytes: interrupts(far) },
  { name: 'DEVICE_FEATURE that is not there', bytes: feature(0xffff) },
  { name: 'MIG_DATA_WRITE of a device that runs', bytes: migrated() },
];

/** Messages that mean nothing, each on a connection of its own; after each the next client must be served. Then how all refusals looked. */
export const malformedChecks: readonly Check[] = [
  ...malformed.map((one) => ({
    name: `malformed: ${one.name}`,
    proves: `A message (${one.name}) is answered${one.open === undefined ? ' with an error' : ''} or ends its connection, and the next client is served.`,
    source,
    run: (bench: Bench) => checkMalformed(bench, one),
  })),
  {
    name: 'errors: the header alone',
    proves: 'All answers with an error, to whatever was refused in all checks, were a header without a payload.',
    source: 'QEMU docs/interop/vfio-user.rst, Header',
    run: async (bench) => {
      await bench.client();
      for (const [command, exchange] of bench.longRefusals)
        bench.find(`an answer to ${commandName(command)} with an error has a payload`, exchange);
    },
  },
];

async function checkMalformed(bench: Bench, { name, bytes, unfinished, open }: Malformed): Promise<void> {
  {
    await using channel = await bench.fresh({ negotiated: true });
    if (unfinished) {
      bench.begin();
      channel.send(bytes);
    } else {
      const reaction = await bench.reactionTo(channel, bytes);
      const done = `${name} was answered as if it had been done`;
      if (reaction === 'answered' && open === undefined) bench.find(done);
      else if (reaction === 'answered') bench.note(`${done}: ${open}, of which the specification does not speak`);
      if (reaction === 'silent') bench.find(`${name} was neither answered nor was the connection closed`);
    }
  }
  const client = await bench.client();
  await client.deviceInfo();
}

function message(command: number, payload: Buffer = Buffer.alloc(0), flags: number = messageFlags.command): Buffer {
  return encodeMessage({ id, command, flags, error: 0, payload });
}

function resized(bytes: Buffer, size: number): Buffer {
  bytes.writeUInt32LE(size, 4);
  return bytes;
}

function read(offset: bigint, region: number, count: number): Buffer {
  return message(commands.REGION_READ, regionAccess.encode({ offset, region, count }));
}

function write(count: number, data: Buffer): Buffer {
  return message(commands.REGION_WRITE, regionAccess.encode({ offset: 0x3cn, region: regions.config, count }, data));
}

function mapped(address: bigint, size: bigint): Buffer {
  return message(commands.DMA_MAP, dmaMap.encode({ argsz: dmaMap.bytes, flags: 3, offset: 0n, address, size }));
}

function interrupts(count: number): Buffer {
  const flags = irqSetFlags.DATA_NONE | irqSetFlags.ACTION_TRIGGER;
  return message(
    commands.DEVICE_SET_IRQS,
    irqSet.encode({ argsz: irqSet.bytes, flags, index: irqs.MSIX, start: 1, count }),
  );
}

function feature(index: number): Buffer {
  return message(
    commands.DEVICE_FEATURE,
    deviceFeature.encode({ argsz: deviceFeature.bytes, flags: (1 << 16) | index }),
  );
}

function migrated(): Buffer {
  const data = Buffer.from('not now');
  const argsz = migrationData.bytes + data.length;
  return message(commands.MIG_DATA_WRITE, migrationData.encode({ argsz, size: data.length }, data));
}
