import { seededNumbers } from '../../run/seed.js';

/** What was measured of one cell, on either side. */
export interface Stratum {
  base: readonly number[];
  patched: readonly number[];
}

/** What a permutation test came to. */
export interface Permuted {
  /** The probability of a change as large as that, in either direction, where the build makes no difference. From above 0 to 1. */
  p: number;
  /** True where every arrangement was counted; else as many as `rounds` were drawn. */
  exact: boolean;
}

export interface PermutationOptions {
  seed: number;
  /** Arrangements that are drawn where there are more than that; 9999 unless told. */
  rounds?: number;
}

const defaultRounds = 9999;
/** Sums of the same numbers in another order differ in their last digits. */
const tolerance = 1e-9;

/**
 * Whether two sides differ beyond chance: were the build of no matter, each cell's runs could as well have been dealt to the two sides in any
 * other way. Compared are the mean ranks of the runs within their cell, so that slow cells and quick ones count alike and one run that the host
 * held up is no more than the last of its cell. The same seed gives the same p.
 */
export function permutationTest(
  strata: readonly Stratum[],
  { seed, rounds = defaultRounds }: PermutationOptions,
): Permuted {
  const pools = strata.filter(({ base, patched }) => base.length > 0 && patched.length > 0).map(poolOf);
  const seen = Math.abs(mean(pools.map((pool) => distance(pool, pool.dealt))));
  const asLarge = (other: number): boolean => Math.abs(other) >= seen - tolerance;
  const arrangements = pools.reduce((product, { ranks, ofBase }) => product * choose(ranks.length, ofBase), 1);
  if (arrangements <= rounds + 1) {
    const sums = everySum(pools.map((pool) => everyDeal(pool).map((deal) => distance(pool, deal))));
    const count = sums.filter((sum) => asLarge(sum / Math.max(1, pools.length))).length;
    return { p: count / sums.length, exact: true };
  }
  const random = seededNumbers(seed);
  let count = 1;
  for (let round = 0; round < rounds; round += 1)
    if (asLarge(mean(pools.map((pool) => distance(pool, randomDeal(pool, random)))))) count += 1;
  return { p: count / (rounds + 1), exact: false };
}

/** For each run of a pool, in its order, whether it is dealt to `base`. */
type Deal = readonly boolean[];

interface Pool {
  /** From above 0 to 1; runs of the same value share theirs. */
  ranks: readonly number[];
  ofBase: number;
  /** As the runs really were. */
  dealt: Deal;
}

function poolOf({ base, patched }: Stratum): Pool {
  const runs = [...base, ...patched];
  const ascending = runs.toSorted((a, b) => a - b);
  const rankOf = (value: number): number =>
    (ascending.indexOf(value) + ascending.lastIndexOf(value) + 2) / 2 / ascending.length;
  return {
    ranks: runs.map(rankOf),
    ofBase: base.length,
    dealt: runs.map((_, place) => place < base.length),
  };
}

/** How much higher the runs of `patched` rank than those of `base`, on the mean. */
function distance({ ranks, ofBase }: Pool, deal: Deal): number {
  let [ofAll, sumOfBase] = [0, 0];
  for (const [place, rank] of ranks.entries()) {
    ofAll += rank;
    if (deal[place]) sumOfBase += rank;
  }
  return (ofAll - sumOfBase) / (ranks.length - ofBase) - sumOfBase / ofBase;
}

/** The value in the middle, or the mean of the two in the middle; 0 of none. */
export function median(values: readonly number[]): number {
  const ascending = values.toSorted((a, b) => a - b);
  const upper = ascending[Math.floor(ascending.length / 2)] ?? 0;
  const lower = ascending[Math.ceil(ascending.length / 2) - 1] ?? 0;
  return (lower + upper) / 2;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function choose(of: number, chosen: number): number {
  let ways = 1;
  for (let step = 1; step <= chosen; step += 1) ways = (ways * (of - chosen + step)) / step;
  return Math.round(ways);
}

function everyDeal({ ranks, ofBase }: Pool): Deal[] {
  const deals: Deal[] = [];
  const extend = (deal: boolean[], left: number): void => {
    const open = ranks.length - deal.length;
    if (open === 0) deals.push(deal);
    if (left > 0) extend([...deal, true], left - 1);
    if (open > left) extend([...deal, false], left);
  };
  extend([], ofBase);
  return deals;
}

/** Every sum of one number of each list. */
function everySum(lists: readonly (readonly number[])[]): number[] {
  return lists.reduce<number[]>((sums, list) => sums.flatMap((sum) => list.map((more) => sum + more)), [0]);
}

function randomDeal({ ranks, ofBase }: Pool, random: () => number): Deal {
  let left = ofBase;
  return ranks.map((_, place) => {
    const taken = random() * (ranks.length - place) < left;
    if (taken) left -= 1;
    return taken;
  });
}
