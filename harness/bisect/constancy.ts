import type { Inquiry, Step } from './inquiry.js';
import {
  type Certainty,
  certaintyOf,
  type CertaintyWords,
  roundsBeforeGood,
  roundsOfBadEnd,
  type Tally,
} from './repeat.js';

/** A candidate that fails, how surely, and what it showed when it failed first. */
export interface Settled {
  certainty: Certainty;
  /** The first round that was bad; the first of all where none was. */
  step: Step;
}

/**
 * Plays a candidate that is said to fail until it is known whether it fails every time; from then on the inquiry plays every candidate as
 * often as a pass must be seen to be believed. One that does not fail, or cannot be judged, leaves the inquiry as it is: its step says so.
 */
export async function settle(
  inquiry: Inquiry,
  ask: () => Promise<Step>,
  { first, ...words }: CertaintyWords & { /** A round that was played already. */ first?: Step },
): Promise<Settled> {
  const tally: Tally = { failed: 0, played: 0 };
  const most = Math.max(roundsBeforeGood, words.repeat ?? 0);
  const left = (of: Tally): number => (of.failed === 0 ? most - of.played : roundsOfBadEnd(of, words.repeat));
  let step = first ?? (await ask());
  for (let last = step; ; last = await ask()) {
    if (last.answer === 'skip' && tally.failed === 0) return { step: last, certainty: never(words) };
    tally.played += 1;
    if (last.answer === 'bad' && (tally.failed += 1) === 1) step = last;
    if (left(tally) === 0) break;
  }
  const certainty = certaintyOf(tally, words);
  inquiry.passes = certainty.passes;
  return { step, certainty };
}

function never({ confidence }: CertaintyWords): Certainty {
  return { passes: 1, failed: 0, played: 0, rate: 0, confidence, told: false };
}
