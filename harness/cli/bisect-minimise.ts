import { UsageError } from '../core/errors.js';
import type { BisectWords } from './bisect-options.js';

/** `godwit bisect --minimise`: the fewest devices, properties and actions with which one cell fails in the same way. */
export function bisectMinimise(_paths: string[], _words: BisectWords, _signal: AbortSignal): Promise<void> {
  return Promise.reject(new UsageError('--minimise is not supported yet; accepted: --repo DIR, --builds BUILD…'));
}
