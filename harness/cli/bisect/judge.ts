import { join } from 'node:path';
import { checkoutAt } from '../../bisect/commits/checkout.js';
import { commitFacts } from '../../bisect/commits/commit-ends.js';
import type { Answer } from '../../bisect/inquiry.js';
import { shownDigits } from '../../build/git/revision.js';
import { basisOf, suspectsOf } from './basis.js';
import { inSearch, questionOf } from './examination.js';
import type { BisectWords } from './options.js';

/** What `git bisect run` takes for "the newer state"; "the older state" is 0. */
const newer = 1;
/** What it takes for "cannot be judged". */
const untestable = 125;

/**
 * `godwit bisect --run`: judges the commit that a checkout is at, as the command of `git bisect run`. What throws ends git's search: main
 * makes its status one that git takes for no verdict.
 */
export async function bisectJudge(paths: string[], words: BisectWords, signal: AbortSignal): Promise<void> {
  const { repository, commit, change } = await checkoutAt(words.repo ?? '.', signal);
  const basis = await basisOf(paths, words, signal);
  const { means, playing } = basis;
  const suspect = suspectsOf(repository, basis, { words, signal })(await commitFacts(repository, commit, signal));
  // Each commit's evidence stays, in a folder of its own.
  const own = { ...words, output: join(words.output, commit.slice(0, shownDigits)), fresh: true };
  const question = { search: 'run', commit, ...questionOf(own, { playing, ...means }) };
  const { answer } = await inSearch(own, { ...means, question }, ({ examination }) =>
    examination.examine(suspect, 'as git asks', words.repeat ?? 1),
  );
  process.exitCode = statusOf(answer, words.find ?? change);
}

function statusOf(answer: Answer, change: 'break' | 'fix'): number {
  if (answer === 'skip') return untestable;
  return (answer === 'bad') === (change === 'break') ? newer : 0;
}
