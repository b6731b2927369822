import { ProtocolError } from '../../core/errors.js';

/** Bytes of the header that every message begins with. */
export const headerBytes = 16;

/** Bits of a header's flags: its type takes the lowest four. */
export const messageFlags = { type: 0xf, command: 0, reply: 1, noReply: 0x10, error: 0x20 } as const;

/** The default of `max_data_xfer_size`: the most data that one message carries, in bytes. */
export const defaultTransferBytes = 1024 * 1024;

/** The longest message that is taken, in bytes: a transfer of the default size with all that may stand before it. */
export const longestMessage = defaultTransferBytes + 4096;

/** One message. Source: QEMU docs/interop/vfio-user.rst, "Header"; numbers are little-endian, as every host of ours is. */
export interface Message {
  /** Chosen by who sends the command, and repeated in the reply. */
  id: number;
  command: number;
  flags: number;
  /** A UNIX errno value in a reply that has the error flag, otherwise 0. */
  error: number;
  payload: Buffer;
}

/** The message as it goes over the wire. */
export function encodeMessage({ id, command, flags, error, payload }: Message): Buffer {
  const bytes = Buffer.alloc(headerBytes + payload.length);
  bytes.writeUInt16LE(id, 0);
  bytes.writeUInt16LE(command, 2);
  bytes.writeUInt32LE(bytes.length, 4);
  bytes.writeUInt32LE(flags, 8);
  bytes.writeUInt32LE(error, 12);
  payload.copy(bytes, headerBytes);
  return bytes;
}

/**
 * Cuts a stream of bytes into messages, in whatever pieces it comes.
 * `push` throws ProtocolError for a header that announces less than itself or more than `longestMessage` bytes.
 */
export class MessageSplitter {
  private chunks: Buffer[] = [];
  private held = 0;
  /** Bytes that must be there before it is worth looking again: a message that comes in many pieces is joined once. */
  private wanted = headerBytes;

  constructor(private readonly onMessage: (message: Message, bytes: Buffer) => void) {}

  /** Bytes of a message that is not whole yet, and how many it needs as far as is known; undefined between two messages. */
  get unfinished(): { held: number; wanted: number } | undefined {
    return this.held === 0 ? undefined : { held: this.held, wanted: this.wanted };
  }

  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.held += chunk.length;
    while (this.held >= this.wanted) this.take();
  }

  /** Takes the next message, or learns from its header how long it is. */
  private take(): void {
    const bytes = this.chunks.length === 1 && this.chunks[0] ? this.chunks[0] : Buffer.concat(this.chunks);
    const size = sizeIn(bytes);
    this.wanted = size;
    this.chunks = [bytes];
    if (bytes.length < size) return;
    this.held = bytes.length - size;
    this.chunks = this.held === 0 ? [] : [bytes.subarray(size)];
    this.wanted = headerBytes;
    const message = bytes.subarray(0, size);
    this.onMessage(decode(message), message);
  }
}

function sizeIn(bytes: Buffer): number {
  const size = bytes.readUInt32LE(4);
  const head = (): string => bytes.subarray(0, headerBytes).toString('hex');
  if (size < headerBytes) {
    throw new ProtocolError(`a message announces ${size} bytes, less than its own header of 16: ${head()}`);
  }
  if (size > longestMessage) {
    throw new ProtocolError(`a message announces ${size} bytes; ${longestMessage} are accepted: ${head()}`);
  }
  return size;
}

function decode(bytes: Buffer): Message {
  return {
    id: bytes.readUInt16LE(0),
    command: bytes.readUInt16LE(2),
    flags: bytes.readUInt32LE(8),
    error: bytes.readUInt32LE(12),
    payload: bytes.subarray(headerBytes),
  };
}
