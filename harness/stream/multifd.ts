import type { Reading, StreamBytes } from './bytes.js';
import { StreamError } from './errors.js';

/** What went through one channel of multifd. */
export interface MultifdChannel {
  /** The machine's UUID, by which a destination knows whose channel it is. */
  uuid: string;
  /** Number of the channel. */
  id: number;
  bytes: number;
  /** Packets of each kind and pages: { packets, syncs, normalPages, zeroPages, payloadBytes, deviceStatePackets, deviceStateBytes }. */
  counts: Record<string, number>;
  /** How the pages are written: 'none', 'zlib', 'zstd', 'qpl', 'uadk', 'qatzip'. */
  compression: string;
  /** Devices whose state went through the channel (10.0 and later), by their idstr. */
  devices: string[];
}

/** The first four bytes of a multifd channel, and of each packet in it. */
export const multifdMagic = 0x11223344;

const flag = { sync: 1, deviceState: 32 << 1 };
const compressionMask = 0x1f << 1;
const compressions: Readonly<Record<number, string>> = {
  0: 'none',
  1: 'zlib',
  2: 'zstd',
  4: 'qpl',
  8: 'uadk',
  16: 'qatzip',
};
const nameBytes = 256;
/** Bytes of pages that one packet announces; it has room for their offsets even when it announces fewer. */
const packetPageBytes = 512 * 1024;
const usualPageBytes = 4096;
const mostOffsets = 1 << 16;

/** Reads one channel of multifd to its end. Source: QEMU 5.2–10.0 migration/multifd.h, MultiFDPacket_t; migration/multifd.c. */
export function* readMultifd(bytes: StreamBytes): Reading<MultifdChannel> {
  const channel = yield* readInitial(bytes);
  let offsets = packetPageBytes / usualPageBytes;
  while (!(yield* bytes.isOver())) {
    const flags = yield* readHead(bytes, 'a multifd packet');
    add(channel, 'packets');
    if (flags & flag.sync) add(channel, 'syncs');
    if (flags & flag.deviceState) yield* readDeviceState(bytes, channel);
    else offsets = yield* readPages(bytes, channel, { flags, offsets });
  }
  return { ...channel, bytes: bytes.offset };
}

function* readInitial(bytes: StreamBytes): Reading<MultifdChannel> {
  yield* readMark(bytes, 'the first packet of a multifd channel');
  const uuid = yield* bytes.uuid('the UUID of the machine');
  const id = yield* bytes.u8('the number of the multifd channel');
  yield* bytes.skip(7 + 4 * 8, 'the first packet of a multifd channel');
  return { uuid, id, bytes: 0, counts: {}, compression: 'none', devices: [] };
}

/** Magic and version, which every packet begins with. */
function* readMark(bytes: StreamBytes, what: string): Reading<void> {
  const at = bytes.offset;
  const magic = yield* bytes.u32(what);
  const version = yield* bytes.u32(what);
  if (magic === multifdMagic && version === 1) return;
  throw new StreamError(
    at,
    `${what} (0x11223344, version 1) was expected, and here is 0x${magic.toString(16)}, version ${version}`,
  );
}

function* readHead(bytes: StreamBytes, what: string): Reading<number> {
  yield* readMark(bytes, what);
  return yield* bytes.u32(`the flags of ${what}`);
}

/** Reads a packet of pages; returns how many offsets packets have room for. A packet that only synchronises does not tell. */
function* readPages(
  bytes: StreamBytes,
  channel: MultifdChannel,
  { flags, offsets }: { flags: number; offsets: number },
): Reading<number> {
  const at = bytes.offset;
  const what = 'a multifd packet';
  const room = (yield* bytes.u32(what)) || offsets;
  const normal = yield* bytes.u32(what);
  const payload = yield* bytes.u32(what);
  yield* bytes.skip(8, what);
  const zero = yield* bytes.u32(what);
  const compression = compressions[(flags & compressionMask) >> 1];
  if (compression === undefined || room > mostOffsets || normal + zero > room)
    throw new StreamError(
      at,
      `${what} was expected, and this has flags 0x${flags.toString(16)} and ${normal + zero} of ${room} pages`,
    );
  yield* bytes.skip(4 + 3 * 8 + nameBytes + 8 * room, what);
  add(channel, 'normalPages', normal);
  add(channel, 'zeroPages', zero);
  if (normal === 0) return room;
  // Without pages of its own, a packet of 5.2 and 7.2 repeats the size of the one before.
  channel.compression = compression;
  add(channel, 'payloadBytes', payload);
  yield* bytes.skip(payload, 'the pages of a multifd packet');
  return room;
}

function* readDeviceState(bytes: StreamBytes, channel: MultifdChannel): Reading<void> {
  const what = 'device state in a multifd channel';
  const name = (yield* bytes.take(nameBytes, what)).toString('latin1').replace(/\0.*$/s, '');
  yield* bytes.skip(4, what);
  const payload = yield* bytes.u32(what);
  if (!channel.devices.includes(name) && channel.devices.length < 1000) channel.devices.push(name);
  add(channel, 'deviceStatePackets');
  add(channel, 'deviceStateBytes', payload);
  yield* bytes.skip(payload, what);
}

function add({ counts }: MultifdChannel, name: string, count = 1): void {
  if (count > 0) counts[name] = (counts[name] ?? 0) + count;
}
