/** How often something happened, of so many tries. */
export interface Tries {
  bad: number;
  good: number;
}

/** Room for rounding: tables that are as likely as the one seen count, whatever the last digit says. */
const tolerance = 1 + 1e-7;

/**
 * Fisher's exact test, two-sided: the probability that chance alone deals the bad among the two sides as unevenly as was seen, or more so. 1 where a
 * side has no tries. Source: R. A. Fisher, "On the interpretation of chi-squared from contingency tables" (1922); two-sided as the sum over
 * all tables that are no likelier.
 */
export function fisherExact(first: Tries, second: Tries): number {
  const [one, other] = [first.bad + first.good, second.bad + second.good];
  const bad = first.bad + second.bad;
  const logOf = (badOfFirst: number): number =>
    logChoose(one, badOfFirst) + logChoose(other, bad - badOfFirst) - logChoose(one + other, bad);
  const seen = Math.exp(logOf(first.bad)) * tolerance;
  let sum = 0;
  for (let badOfFirst = Math.max(0, bad - other); badOfFirst <= Math.min(bad, one); badOfFirst += 1) {
    const probability = Math.exp(logOf(badOfFirst));
    if (probability <= seen) sum += probability;
  }
  return Math.min(1, sum);
}

function logChoose(of: number, chosen: number): number {
  let sum = 0;
  for (let step = 1; step <= chosen; step += 1) sum += Math.log(of - chosen + step) - Math.log(step);
  return sum;
}
