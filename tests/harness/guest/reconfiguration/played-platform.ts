import type { HotplugRequest } from '../../../../harness/guest/reconfiguration/event-log.js';
import type { Rtas } from '../../../../harness/guest/reconfiguration/platform-events.js';

/** What stands in guest RAM before anybody borrows it. */
const untouched = 0x5a;

/** Guest RAM, and RTAS calls that a test answers: what no QEMU does on demand. */
export class PlayedPlatform implements Rtas {
  readonly ram = Buffer.alloc(0x10000, untouched);
  readonly qtest = {
    readBlock: (at: number, bytes: number) => Promise.resolve(Buffer.from(this.ram.subarray(at, at + bytes))),
    writeBlock: (at: number, block: Uint8Array) => Promise.resolve(this.ram.set(block, at)),
  };

  /** @param answer what a call with these arguments does to RAM, and its status. */
  constructor(private readonly answer: (args: readonly number[], ram: Buffer) => number) {}

  readonly call = (_name: string, args: readonly number[]): Promise<number[]> =>
    Promise.resolve([this.answer(args, this.ram)]);

  /** A platform that tells of these events, once each. */
  static asking(events: readonly HotplugRequest[]): PlayedPlatform {
    const left = [...events];
    return new PlayedPlatform(([, , , , at = 0], ram) => {
      const next = left.shift();
      if (!next) return 1;
      ram.set(logOf(next), at);
      return 0;
    });
  }

  get isUntouched(): boolean {
    return this.ram.every((byte) => byte === untouched);
  }
}

/** The least that is an event log with a request in it. */
function logOf({ action, index }: HotplugRequest): Buffer {
  const log = Buffer.alloc(40);
  log.writeUInt32BE(0xe5, 0);
  log.writeUInt32BE(log.length - 8, 4);
  log.writeUInt16BE(0x4850, 24);
  log.writeUInt16BE(16, 26);
  log.set([5, action === 'add' ? 1 : 2, 2], 32);
  log.writeUInt32BE(index, 36);
  return log;
}
