import { hex } from '../../core/hex.js';

/**
 * What Godwit and a payload guest say to each other on a serial port, of whatever architecture. A request is an opcode (never 0), a
 * sequence, two arguments of eight bytes and a checksum byte; an answer is the opcode, the sequence, a value of eight bytes and a checksum
 * byte; both little-endian. A zero where a request could start is passed over. A request with a wrong checksum is dropped. One with the
 * sequence of the last executed one is not executed again: its answer is sent again. So a request that was cut in two by the switchover of
 * a migration is finished by zeroes, dropped for its checksum, which is never 0, and sent again.
 */
export const requestBytes = 19;
export const answerBytes = 11;

/** What `identify` and hello answer: "godwit" in six bytes, and the version of this protocol in two. */
export const identity = 0x0001_7469_7764_6f67n;

/** The sequence of hello, the answer to `identify` that a guest sends by itself when it is ready; requests have 1 to 255. */
export const helloSequence = 0;

/** The opcode of the answer to a request whose opcode means nothing to the guest. */
export const unknownOpcode = 0xff;

/** Width of one access to memory, in bytes. */
export type MemoryWidth = 1 | 2 | 4 | 8;

/** What is asked of a guest. */
export interface Command {
  /** For messages: "the rounds", "4 bytes at 0x345000". */
  what: string;
  opcode: number;
  arguments: readonly [bigint, bigint];
}

/** Makes a command; absent arguments are 0. */
export function command(what: string, opcode: number, ...[first = 0, second = 0]: (number | bigint)[]): Command {
  return { what, opcode, arguments: [BigInt(first), BigInt(second)] };
}

/** The commands that guests of every architecture know; addresses are physical. What each is worth stands beside it. */
export const commands = {
  /** `identity`. */
  identify: command('its identity', 1),
  /** Stops the walk before its next page: the rounds completed. */
  pause: command('a pause', 2),
  /** Lets the walk go on: 0. */
  resume: command('to go on', 3),
  /** Zeroes whole pages and starts the walk of them anew, with round 1: 0. */
  setRange: (first: number, bytes: number): Command =>
    command(`to walk ${bytes} bytes from ${hex(first)}`, 4, first, bytes),
  /** How many ticks lie between the starts of two pages at least: 0. */
  setInterval: (ticks: bigint): Command => command(`${ticks} ticks a page`, 5, ticks),
  /** The rounds completed. */
  rounds: command('the rounds', 6),
  /** The address of the page that is written next. */
  position: command('the position', 7),
  /** `checksumOf` whole words of memory. */
  checksum: (from: number, bytes: number): Command =>
    command(`the checksum of ${bytes} bytes from ${hex(from)}`, 8, from, bytes),
  timeStampCounter: command('the time-stamp counter', 9),
  readMemory: (address: number, width: MemoryWidth): Command =>
    command(`${width} bytes at ${hex(address)}`, 10 + Math.log2(width), address),
  /** 0. */
  writeMemory: (address: number, width: MemoryWidth, value: bigint): Command =>
    command(`${width} bytes into ${hex(address)}`, 14 + Math.log2(width), address, value),
};

/** The first opcode that means another thing on every architecture. */
export const firstOwnOpcode = 18;

/** A command as it is sent. */
export interface Request {
  opcode: number;
  sequence: number;
  arguments: readonly [bigint, bigint];
}

export interface Answer {
  opcode: number;
  sequence: number;
  value: bigint;
}

/** A request as its 19 bytes; arguments are taken modulo 2^64. */
export function encodeRequest({ opcode, sequence, arguments: [first, second] }: Request): Buffer {
  const frame = Buffer.alloc(requestBytes);
  frame.set([opcode, sequence]);
  frame.writeBigUInt64LE(BigInt.asUintN(64, first), 2);
  frame.writeBigUInt64LE(BigInt.asUintN(64, second), 10);
  return seal(frame);
}

/** A request from its 19 bytes, or undefined when their checksum is wrong or the opcode is 0. */
export function decodeRequest(frame: Buffer): Request | undefined {
  if (frame.length !== requestBytes || frame[0] === 0 || !isSealed(frame)) return undefined;
  const [opcode = 0, sequence = 0] = frame;
  return { opcode, sequence, arguments: [frame.readBigUInt64LE(2), frame.readBigUInt64LE(10)] };
}

/** An answer as its 11 bytes. */
export function encodeAnswer({ opcode, sequence, value }: Answer): Buffer {
  const frame = Buffer.alloc(answerBytes);
  frame.set([opcode, sequence]);
  frame.writeBigUInt64LE(value, 2);
  return seal(frame);
}

/** An answer from its 11 bytes, or undefined when their checksum is wrong. */
export function decodeAnswer(frame: Buffer): Answer | undefined {
  if (frame.length !== answerBytes || !isSealed(frame)) return undefined;
  const [opcode = 0, sequence = 0] = frame;
  return { opcode, sequence, value: frame.readBigUInt64LE(2) };
}

/**
 * What a guest answers to `checksum` of these bytes, a multiple of four: of their words, the sum in the lower 32 bits, and the sum of all
 * sums up to each word in the upper, so that the order counts.
 */
export function checksumOf(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let sum = 0;
  let sumOfSums = 0;
  for (let at = 0; at < bytes.length; at += 4) {
    sum = (sum + view.getUint32(at, true)) | 0;
    sumOfSums = (sumOfSums + sum) | 0;
  }
  return (BigInt(sumOfSums >>> 0) << 32n) | BigInt(sum >>> 0);
}

function seal(frame: Buffer): Buffer {
  frame[frame.length - 1] = checksumByte(frame);
  return frame;
}

function isSealed(frame: Buffer): boolean {
  return frame.at(-1) === checksumByte(frame);
}

/** Of all bytes but the last: all of them in exclusive or, and 0xff instead of 0. */
function checksumByte(frame: Buffer): number {
  return frame.subarray(0, -1).reduce((sum, byte) => sum ^ byte, 0) || 0xff;
}
