import { ProtocolError } from '../core/errors.js';
import type { QtestClient } from './client.js';

/** Makes one RTAS call: its results, the status first. Arguments and results are words. */
export type RtasCall = (name: string, args: readonly number[], results: number) => Promise<number[]>;

/** Words of an argument buffer less the three that say what it is (Power Architecture Platform Reference, 7.2.8). */
const longestCall = 13;

/**
 * RTAS without a vCPU, by the `rtas` command of qtest, for pseries machines. Arguments and results pass through a place in guest RAM, which has
 * again what it had before when nobody waits for a call any more; until then it must not be looked at.
 * Source: QEMU hw/ppc/spapr_rtas.c, qtest_rtas_call().
 */
export class QtestRtas {
  private pending = 0;
  private original: Buffer | undefined;

  /** @param place physical address of the 52 bytes that are borrowed. */
  constructor(
    private readonly qtest: QtestClient,
    private readonly place: number,
  ) {}

  /** Throws ProtocolError where QEMU knows no call of that name. */
  readonly call: RtasCall = async (name, args, results) => {
    // All of it leaves in one write, and is answered in order.
    const saved = this.pending === 0 ? this.save() : undefined;
    this.pending += 1;
    try {
      const words = Buffer.alloc(4 * args.length);
      args.forEach((word, index) => words.writeUInt32BE(word >>> 0, 4 * index));
      const resultsAt = this.place + words.length;
      const [, , status, block] = await Promise.all([
        saved,
        this.qtest.writeBlock(this.place, words),
        this.qtest.command(
          `rtas ${name} ${args.length} 0x${this.place.toString(16)} ${results} 0x${resultsAt.toString(16)}`,
        ),
        this.qtest.readBlock(resultsAt, 4 * results),
      ]);
      if (status !== '0') throw new ProtocolError(`QEMU answered ${status} to the RTAS call ${name}`);
      return Array.from({ length: results }, (_, index) => block.readInt32BE(4 * index));
    } finally {
      this.pending -= 1;
      if (this.pending === 0) await this.restore();
    }
  };

  private async save(): Promise<void> {
    this.original = await this.qtest.readBlock(this.place, 4 * longestCall);
  }

  /** Asked for before anybody can begin another call. */
  private restore(): Promise<void> {
    const { original } = this;
    this.original = undefined;
    return original ? this.qtest.writeBlock(this.place, original) : Promise.resolve();
  }
}
