import type { Certainty, CertaintyWords } from './ends.js';
import type { Inquiry, Step } from './inquiry.js';
import { firstRounds, leastRate, passesFor, roundsBeforeGood, roundsToMeasure, type Tally } from './repeat.js';

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
  { confidence, repeat, first }: CertaintyWords & { /** A round that was played already. */ first?: Step },
): Promise<Settled> {
  const tally: Tally = { failed: 0, played: 0 };
  let step = first ?? (await ask());
  for (let last = step; ; last = await ask()) {
    if (last.answer === 'skip' && tally.failed === 0) return { step: last, certainty: never(confidence) };
    tally.played += 1;
    if (last.answer === 'bad' && (tally.failed += 1) === 1) step = last;
    if (roundsLeft(tally, repeat) === 0) break;
  }
  const rate = tally.failed === tally.played ? 1 : leastRate(tally, confidence);
  const passes = repeat ?? (tally.failed === 0 ? 1 : passesFor(rate, confidence));
  inquiry.passes = passes;
  return { step, certainty: { ...tally, ...{ rate, confidence, passes, told: repeat !== undefined } } };
}

function roundsLeft(tally: Tally, repeat: number | undefined): number {
  if (tally.failed === 0) return Math.max(roundsBeforeGood, repeat ?? 0) - tally.played;
  const least = (repeat ?? firstRounds) - tally.played;
  if (least > 0) return least;
  return repeat !== undefined || tally.failed === tally.played ? 0 : roundsToMeasure(tally);
}

function never(confidence: number): Certainty {
  return { passes: 1, failed: 0, played: 0, rate: 0, confidence, told: false };
}
