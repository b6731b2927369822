import { rename, rm, writeFile } from 'node:fs/promises';
import { messageOf, UsageError } from '../core/errors.js';

const blockLength = 64 * 1024;

/** Writes a report from its pieces without holding it whole; the file appears complete or not at all. Throws UsageError naming it. */
export async function writeReport(file: string, pieces: Iterable<string>): Promise<void> {
  const unfinished = `${file}.unfinished`;
  try {
    await writeFile(unfinished, blocksOf(pieces));
    await rename(unfinished, file);
  } catch (thrown) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    throw new UsageError(`the report ${file} cannot be written: ${messageOf(thrown)}`, {
      data: { file },
      cause: thrown,
    });
  }
}

function* blocksOf(pieces: Iterable<string>): Generator<string, void, undefined> {
  let block = '';
  for (const piece of pieces) {
    block += piece;
    if (block.length < blockLength) continue;
    yield block;
    block = '';
  }
  yield block;
}
