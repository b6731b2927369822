import type { CellResult } from '../../record/events.js';
import { signatureOf } from '../signature.js';
import { fisherExact, type Tries } from './fisher.js';
import { type PairName, pairNames, patchedPairs } from './pairs.js';

/** What a row's cell on one pair came to, over all times that it ran. */
export interface Tally extends Tries {
  /** The ways in which it failed, each once. */
  signatures: string[];
  /** Why it failed first, in a sentence: the diagnosis, where there is one. Empty where it never did. */
  reason: string;
  /** Why it was not run. */
  skipped?: string;
  /** Why our host or tool could not run it. */
  broken?: string;
}

export type Tallies = Partial<Record<PairName, Tally>>;

export type TallyState = 'passes' | 'fails' | 'flaky' | 'skipped' | 'broken' | 'unknown';

/** What the patch does to a row; each list holds the pairs of which it is true. */
export interface Judgement {
  /** Fails on base → base and passes there. */
  fixes: PairName[];
  /** Passes on base → base and fails there. */
  breaks: PairName[];
  /** Fails on base → base and there. */
  stays: PairName[];
  /** Those of `stays` that fail in another way. */
  otherwise: PairName[];
  /** Passes now and fails then, and not so unlike base → base that chance could not do it. */
  flaky: PairName[];
  /** Only one of the two builds can run it. */
  presence?: 'appears' | 'vanishes';
  /** Why a cell of it could not be judged, for which our host or tool is to blame. */
  broken?: string;
}

/** How often a difference is tried that is the same every time, and how often one that is not. */
export const enoughTries = { steady: 5, flaky: 15 };

/** Differences that chance makes less often than this count as the build's: 5 of 5 against none of 5 is at 0.008. */
const certainty = 0.01;

export function emptyTally(): Tally {
  return { bad: 0, good: 0, signatures: [], reason: '' };
}

/** Adds a result. A cell that failed from a saved state alone has failed. */
export function addResult(tally: Tally, result: CellResult): void {
  const { verdict, reason, findings } = result;
  if (verdict === 'skipped') tally.skipped = reason;
  else if (verdict === 'broken') tally.broken ??= reason;
  else if (verdict === 'passed' || verdict === 'fixed') tally.good += 1;
  else {
    tally.bad += 1;
    if (tally.reason === '') tally.reason = findings[0]?.summary ?? reason;
    const signature = signatureOf(result);
    if (!tally.signatures.includes(signature)) tally.signatures.push(signature);
  }
}

export function stateOf(tally: Tally | undefined): TallyState {
  if (!tally) return 'unknown';
  if (tally.broken !== undefined) return 'broken';
  if (tally.good > 0) return tally.bad > 0 ? 'flaky' : 'passes';
  if (tally.bad > 0) return 'fails';
  return tally.skipped === undefined ? 'unknown' : 'skipped';
}

/** What a row's results say of the patch, by comparing each pair that has the patched build in it with base → base. */
export function judgeRow(tallies: Tallies): Judgement {
  const judged: Judgement = { fixes: [], breaks: [], stays: [], otherwise: [], flaky: [] };
  const base = tallies['base → base'];
  for (const pair of patchedPairs) {
    const tally = tallies[pair];
    if (!base || !tally) continue;
    const change = changeOf(base, tally);
    if (change) judged[change].push(pair);
    if (change === 'stays' && !tally.signatures.some((one) => base.signatures.includes(one)))
      judged.otherwise.push(pair);
  }
  const broken = pairNames.map((pair) => tallies[pair]?.broken).find((reason) => reason !== undefined);
  const [old, young] = [stateOf(base), stateOf(tallies['patched → patched'])];
  if (old === 'skipped' && wasJudged(young)) judged.presence = 'appears';
  if (young === 'skipped' && wasJudged(old)) judged.presence = 'vanishes';
  return { ...judged, ...(broken !== undefined && { broken }) };
}

function changeOf(base: Tally, other: Tally): 'fixes' | 'breaks' | 'stays' | 'flaky' | undefined {
  const [before, after] = [stateOf(base), stateOf(other)];
  if (!wasJudged(before) || !wasJudged(after)) return undefined;
  const isSteady = before !== 'flaky' && after !== 'flaky';
  if (isSteady && before === after) return before === 'fails' ? 'stays' : undefined;
  if (!isSteady && fisherExact(base, other) > certainty) return 'flaky';
  return rateOf(other) > rateOf(base) ? 'breaks' : 'fixes';
}

/** How often a row's cells must yet run before what they say is certain; nothing for those that need not. */
export function triesWanted(tallies: Tallies): Partial<Record<PairName, number>> {
  const base = tallies['base → base'];
  const wanted: Partial<Record<PairName, number>> = {};
  const want = (pair: PairName, tally: Tally, tries: number): void => {
    const left = tries - tally.bad - tally.good;
    if (left > 0) wanted[pair] = Math.max(left, wanted[pair] ?? 0);
  };
  for (const pair of patchedPairs) {
    const tally = tallies[pair];
    if (!base || !tally) continue;
    const states = [stateOf(base), stateOf(tally)];
    if (!states.every(wasJudged) || (states[0] === states[1] && states[0] !== 'flaky')) continue;
    const tries = states.includes('flaky') ? enoughTries.flaky : enoughTries.steady;
    want('base → base', base, tries);
    want(pair, tally, tries);
  }
  return wanted;
}

function wasJudged(state: TallyState): boolean {
  return state === 'passes' || state === 'fails' || state === 'flaky';
}

function rateOf({ bad, good }: Tries): number {
  return bad / (bad + good);
}

const whole = patchedPairs.length;

/** Which side must be patched, for what a row's pairs show: "where the destination is patched". `of` are the pairs that could be compared. */
export function sideWords(pairs: readonly PairName[], of: number): string {
  const has = (pair: PairName): boolean => pairs.includes(pair);
  const [destination, source, both] = patchedPairs.map(has);
  if (of < whole) return `on ${pairs.join(', ')}`;
  if (destination && source && both) return 'where either side is patched';
  if (destination && both) return 'where the destination is patched';
  if (source && both) return 'where the source is patched';
  if (destination && source) return 'where one side alone is patched';
  return both ? 'where both sides are patched' : `only on ${pairs.join(', ')}`;
}
