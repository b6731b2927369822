/**
 * What one cell showed.
 * `failed`: QEMU did the wrong thing. `known`: failed exactly as a known issue says. `fixed`: a known issue did not happen.
 * `flaky`: failed, then passed on retry. `broken`: our host or tool did the wrong thing. `skipped`: not judged, for the reason given.
 */
export type Verdict = 'passed' | 'failed' | 'known' | 'fixed' | 'flaky' | 'broken' | 'skipped';

/** From the best to the worst that a group of cells can hold, for showing many as one. */
export const verdicts: readonly Verdict[] = ['skipped', 'passed', 'fixed', 'known', 'flaky', 'failed', 'broken'];

/** How many cells ended in each verdict. */
export type VerdictCounts = Record<Verdict, number>;

export function countVerdicts(of: Iterable<Verdict>): VerdictCounts {
  const counts: VerdictCounts = { passed: 0, failed: 0, known: 0, fixed: 0, flaky: 0, broken: 0, skipped: 0 };
  for (const verdict of of) counts[verdict] += 1;
  return counts;
}

/** The exit status of a run: 3 when anything is broken, else 1 when anything failed, else 0. */
export function exitStatusOf(counts: VerdictCounts): 0 | 1 | 3 {
  if (counts.broken > 0) return 3;
  return counts.failed > 0 ? 1 : 0;
}
