import { availableParallelism } from 'node:os';
import { UsageError } from '../core/errors.js';

/** Most workers that a run may have. */
const most = 256;

/** Reads `--jobs`: a number from 1 on, or 'auto': one more than there are processors, for a cell waits for its guest now and then. */
export function jobsOf(text: string): number {
  if (text === 'auto') return availableParallelism() + 1;
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= most) return jobs;
  throw new UsageError(`--jobs ${text} is no number of workers; accepted: 1 to ${most}, or auto`);
}
