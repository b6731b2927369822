/** Failures among rounds that were played. */
export interface Tally {
  failed: number;
  played: number;
}

/** How often a step must pass, and why. */
export interface Certainty {
  /** Passes without a failure that make a step good. */
  passes: number;
  /** Rounds of the bad end, and how many of them failed. */
  failed: number;
  played: number;
  /** The lowest rate of failures that is likely after these rounds; 1 where all failed. */
  rate: number;
  /** From 0 to 1. */
  confidence: number;
  /** Whether the user said how often, instead of what the rate asks for. */
  told: boolean;
}

export interface CertaintyWords {
  confidence: number;
  /** Passes that make a step good, whatever the rate. */
  repeat?: number;
}

/** Rounds of the bad end that tell whether it fails every time. */
const firstRounds = 5;

/** Rounds after which an end that never failed is taken for one that passes. */
export const roundsBeforeGood = 10;

/** The measuring of a rate ends with so many failures: from then on the bound is within half of the rate. */
const enoughFailures = 10;

/** And with so many rounds, whatever they showed. */
const mostRounds = 50;

/** Half steps of the search for a bound: far beyond what a double can tell apart. */
const halvings = 60;

/** How many more rounds the rate of a failure that comes now and then needs at least; 0 when it is known well enough, or never will be. */
export function roundsToMeasure({ failed, played }: Tally): number {
  return Math.max(0, Math.min(enoughFailures - failed, mostRounds - played));
}

/**
 * The lowest rate of failures, from 0 to 1, that is still likely after a tally: were it lower, so many failures would be seen with a
 * probability of at most 1 - `confidence`. The one-sided bound of Clopper and Pearson (Biometrika 26, 1934).
 */
export function leastRate({ failed, played }: Tally, confidence: number): number {
  if (failed === 0) return 0;
  let low = 0;
  let high = 1;
  for (let step = 0; step < halvings; step += 1) {
    const middle = (low + high) / 2;
    if (chanceOfAtLeast({ failed, played }, middle) < 1 - confidence) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * How often a build must pass, without one failure, before it counts as good: the fewest passes n with (1 - rate)^n ≤ 1 - confidence.
 * Infinity for a rate of 0.
 */
export function passesFor(rate: number, confidence: number): number {
  if (rate >= 1) return 1;
  return Math.max(1, Math.ceil(Math.log(1 - confidence) / Math.log1p(-rate) - 1e-9));
}

/** How many more rounds of an end that fails are to be played before it is known how surely it does; `repeat` where the user says how often. */
export function roundsOfBadEnd(tally: Tally, repeat: number | undefined): number {
  const least = (repeat ?? firstRounds) - tally.played;
  if (least > 0) return least;
  return repeat !== undefined || tally.failed === tally.played ? 0 : roundsToMeasure(tally);
}

/** What a tally of the bad end asks of every later step. */
export function certaintyOf(tally: Tally, { confidence, repeat }: CertaintyWords): Certainty {
  const rate = tally.failed === tally.played ? 1 : leastRate(tally, confidence);
  const passes = repeat ?? (rate === 0 ? 1 : passesFor(rate, confidence));
  return { ...tally, ...{ rate, confidence, passes, told: repeat !== undefined } };
}

/** The probability of so many failures or more, among independent rounds that fail at a rate strictly between 0 and 1. */
function chanceOfAtLeast({ failed, played }: Tally, rate: number): number {
  let chance = 0;
  let logChoose = 0;
  for (let count = 0; count <= played; count += 1) {
    if (count > 0) logChoose += Math.log((played - count + 1) / count);
    if (count >= failed) chance += Math.exp(logChoose + count * Math.log(rate) + (played - count) * Math.log1p(-rate));
  }
  return chance;
}

/** How sure a step that passed makes it, in a sentence. */
export function certaintyWords({ passes, failed, played, rate, confidence, told }: Certainty): string {
  const seen = `The bad end failed ${failed} of ${played} times`;
  const good = `${passes} ${passes === 1 ? 'pass' : 'passes'} without a failure made a step good`;
  if (told) return `${seen}; ${good}, as --repeat says.`;
  if (rate === 1) return `${seen}, which is taken for always; ${good}.`;
  return `${seen}, so at least ${percent(rate)} of the time with a confidence of ${percent(confidence)}; ${good}, with that confidence.`;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
