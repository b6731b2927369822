import { DisposeStack } from '../../core/dispose.js';
import type { QtestClient } from '../../qtest/client.js';

/** The physical address of a page of guest RAM that RTAS calls write their results to. */
export const pageAt = 0x9000;
export const pageBytes = 4096;

/** Guest RAM, as qtest reads and writes it. */
export type GuestRam = Pick<QtestClient, 'readBlock' | 'writeBlock'>;

/** The last one who has the page of a machine, or waits for it. */
const turns = new WeakMap<GuestRam, Promise<unknown>>();

/** Lends the page to one after the other; what it had before is there again when the promise settles. Who has it does not ask for it again. */
export function borrowPage<T>(qtest: GuestRam, use: () => Promise<T>): Promise<T> {
  const turn = (turns.get(qtest) ?? Promise.resolve()).then(() => lend(qtest, use));
  turns.set(
    qtest,
    turn.catch(() => undefined),
  );
  return turn;
}

async function lend<T>(qtest: GuestRam, use: () => Promise<T>): Promise<T> {
  const original = await qtest.readBlock(pageAt, pageBytes);
  await using undo = new DisposeStack();
  undo.defer(() => qtest.writeBlock(pageAt, original));
  return await use();
}
