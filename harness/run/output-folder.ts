import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UsageError } from '../core/errors.js';
import { recordFileName } from '../record/write.js';

const cellsFolder = 'cells';
/** Characters of a cell's id that its folder's name keeps for people. */
const readableLength = 100;

/**
 * Makes a run's output folder, or takes an older one over: what an earlier run left in it goes, unless the run goes on, and anything else
 * stays. Throws UsageError when it cannot be written.
 */
export function prepareOutput(folder: string, { keepsCells = false }: { keepsCells?: boolean } = {}): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK | constants.X_OK);
    if (!keepsCells && existsSync(join(folder, recordFileName)))
      rmSync(join(folder, cellsFolder), { recursive: true, force: true });
  } catch (thrown) {
    throw new UsageError(`--output ${folder} cannot be written: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** The folder of one attempt at a cell, relative to the output folder: readable, and never the same for two cells. */
export function cellFolder(id: string, attempt: number): string {
  const readable = id
    .replace(/[^\w.=-]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, readableLength);
  const hash = createHash('sha256').update(id).digest('hex').slice(0, 8);
  return join(cellsFolder, `${readable}-${hash}${attempt > 1 ? `-attempt-${attempt}` : ''}`);
}
