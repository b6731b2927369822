import { UsageError } from '../core/errors.js';
import type { BisectWords } from './bisect-options.js';

/** `godwit bisect --properties`: which of the properties that separate two machine types makes the difference. */
export function bisectProperties(_paths: string[], _words: BisectWords, _signal: AbortSignal): Promise<void> {
  return Promise.reject(new UsageError('--properties is not supported yet; accepted: --repo DIR, --builds BUILD…'));
}
