import { headerBytes } from '../protocol/message.js';
import { commands } from '../protocol/numbers.js';
import { regionAccess } from '../protocol/payloads.js';

/** What a server does instead of what it should. */
export type Misdeed =
  | { kind: 'refuse'; errno: number }
  /** Answers as if it were done, and does nothing: what is read is zeroes. */
  | { kind: 'pretend' }
  /** Does it, and answers so many milliseconds later. */
  | { kind: 'late'; ms: number }
  | { kind: 'silence' }
  /** Closes the connection, and goes on to listen. */
  | { kind: 'close' }
  /** Closes the connection and listens no more. */
  | { kind: 'die' }
  /** Sends these bytes instead of an answer. */
  | { kind: 'send'; bytes: Buffer }
  /** Sends the first bytes of the answer, and nothing more. */
  | { kind: 'half'; bytes: number }
  /** Answers with this payload. */
  | { kind: 'answer'; payload: Buffer }
  | { kind: 'wrong-id' }
  | { kind: 'wrong-command' }
  /** Sends an answer that is so many bytes longer, or shorter, than it should be. */
  | { kind: 'resize'; by: number };

/** A fault on demand: on which messages, and what happens then. What is not named matches anything. */
export interface Fault {
  command?: number;
  /** Of an access to configuration space. */
  offset?: number;
  count?: number;
  /** Only the Nth message that matches the rest, from 1 on. */
  nth?: number;
  does: Misdeed;
}

/** Seed 003: a server that refuses to write 2 bytes from the second byte of MSI-X Message Control on, as libvfio-user did before 2d1d870. */
export function refusedWrite(offset: number, count: number, errno: number): Fault {
  return { command: commands.REGION_WRITE, offset, count, does: { kind: 'refuse', errno } };
}

/** Finds the fault of each message in its turn: it counts. */
export class FaultFinder {
  private readonly counts = new Map<Fault, number>();

  constructor(private readonly faults: readonly Fault[]) {}

  find(command: number, payload: Buffer): Misdeed | undefined {
    return this.faults.find((fault) => {
      if (!matches(fault, command, payload)) return false;
      const count = (this.counts.get(fault) ?? 0) + 1;
      this.counts.set(fault, count);
      return fault.nth === undefined || fault.nth === count;
    })?.does;
  }
}

/** The answer with what a fault makes of it; as it is where the fault is of another kind. */
export function spoil(answer: Buffer, does: Misdeed): Buffer {
  const bytes = Buffer.from(answer);
  switch (does.kind) {
    case 'wrong-id':
      bytes.writeUInt16LE(bytes.readUInt16LE(0) ^ 0x5555, 0);
      return bytes;
    case 'wrong-command':
      bytes.writeUInt16LE(bytes.readUInt16LE(2) ^ 1, 2);
      return bytes;
    case 'half':
      return bytes.subarray(0, does.bytes);
    case 'resize': {
      const resized = Buffer.concat([bytes, Buffer.alloc(Math.max(0, does.by))]).subarray(
        0,
        Math.max(headerBytes, bytes.length + does.by),
      );
      resized.writeUInt32LE(resized.length, 4);
      return resized;
    }
    default:
      return bytes;
  }
}

function matches({ command, offset, count }: Fault, sent: number, payload: Buffer): boolean {
  if (command !== undefined && command !== sent) return false;
  if (offset === undefined && count === undefined) return true;
  if (payload.length < regionAccess.bytes) return false;
  const { values } = regionAccess.decode(payload);
  return (offset === undefined || values.offset === BigInt(offset)) && (count === undefined || values.count === count);
}
