import { DisposeStack } from '../../core/dispose.js';
import type { QtestClient } from '../../qtest/client.js';

/** The physical address of a page of guest RAM that RTAS calls write their results to; nobody else's results are there. */
export const pageAt = 0x9000;
export const pageBytes = 4096;

/** Lends the page to somebody, who is alone with it: what it had before is there again when the promise settles. */
export async function borrowPage<T>(qtest: QtestClient, use: () => Promise<T>): Promise<T> {
  const original = await qtest.readBlock(pageAt, pageBytes);
  await using undo = new DisposeStack();
  undo.defer(() => qtest.writeBlock(pageAt, original));
  return await use();
}
