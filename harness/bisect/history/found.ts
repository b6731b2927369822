import type { Suspect } from './examination.js';
import type { Ends } from './ends.js';

/** What a search over a history came to. */
export interface Found {
  /** Whether what was found broke it or fixed it. */
  change: 'break' | 'fix';
  ends: Ends;
  /** The first with the answer of the newer end; absent where several could be it. */
  first?: Suspect;
  /** What comes just before it, or before all that it could be. */
  before: readonly Suspect[];
  /** Where it is not known: all that could be the first, in order. */
  possible: readonly Suspect[];
  /** All that was searched, oldest first: names, and the digits of commits. */
  order: readonly string[];
}
