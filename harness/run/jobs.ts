import { availableParallelism } from 'node:os';
import { UsageError } from '../core/errors.js';

/** Most workers that a run may have. */
const most = 256;

/** Reads `--jobs`: a number from 1 on, or 'auto' for as many workers as this machine runs well. */
export function jobsOf(text: string): number {
  if (text === 'auto') return availableParallelism();
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= most) return jobs;
  throw new UsageError(`--jobs ${text} is no number of workers; accepted: 1 to ${most}, or auto`);
}
