/**
 * What Godwit and the RTAS guest say to each other on a virtual terminal: frames of one shape in both directions, big-endian. A request holds
 * an RTAS argument buffer; its answer has the same sequence, the buffer as the call has left it, and the status of the hypercall. A frame with
 * a wrong checksum is passed over byte by byte, and one with the sequence of the last executed one is answered again and not executed: so
 * a request that was cut in two by the switchover of a migration is finished by zeroes, dropped, and sent again.
 */
export interface Frame {
  /** 0 is the hello, which the guest sends by itself when it starts: its first word is the address of the device tree. */
  sequence: number;
  /** The argument buffer: token, number of arguments, number of results, arguments, results. */
  words: readonly number[];
  /** What the hypercall returned: 0 is H_SUCCESS, -4 H_PARAMETER; 0 in a request. */
  status: number;
}

/** Bytes of a frame: magic, sequence, 16 words, status, checksum. */
export const frameBytes = 80;
/** Words of an argument buffer. */
export const bufferWords = 16;
/** The sequence of the hello. */
export const helloSequence = 0;

/** "RTAs". */
const magic = 0x52544173;
const at = { sequence: 4, words: 8, status: 72, checksum: 76 };
/** The sum of no words; 0 would make a frame of zeroes whole. */
const emptySum = 0x7a5;

/** A frame as it is sent; words that are not given are 0. */
export function encodeFrame({ sequence, words, status }: Frame): Buffer {
  const frame = Buffer.alloc(frameBytes);
  frame.writeUInt32BE(magic);
  frame.writeUInt32BE(sequence, at.sequence);
  words.slice(0, bufferWords).forEach((word, index) => frame.writeUInt32BE(word >>> 0, at.words + 4 * index));
  frame.writeInt32BE(status, at.status);
  frame.writeUInt32BE(checksumOf(frame), at.checksum);
  return frame;
}

/** The first whole frame in what has come, and how many bytes before its end are over with; without a frame, how many cannot begin one. */
export function takeFrame(bytes: Buffer): { frame?: Frame; used: number } {
  let from = 0;
  for (; from + frameBytes <= bytes.length; from += 1) {
    const frame = decodeFrame(bytes.subarray(from, from + frameBytes));
    if (frame) return { frame, used: from + frameBytes };
  }
  return { used: from };
}

function decodeFrame(frame: Buffer): Frame | undefined {
  if (frame.readUInt32BE() !== magic || frame.readUInt32BE(at.checksum) !== checksumOf(frame)) return undefined;
  const words = Array.from({ length: bufferWords }, (_, index) => frame.readUInt32BE(at.words + 4 * index));
  return { sequence: frame.readUInt32BE(at.sequence), words, status: frame.readInt32BE(at.status) };
}

function checksumOf(frame: Buffer): number {
  let sum = emptySum;
  for (let offset = 0; offset < at.checksum; offset += 4) sum = (sum + frame.readUInt32BE(offset)) >>> 0;
  return sum;
}
