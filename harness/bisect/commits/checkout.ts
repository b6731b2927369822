import { tryGit } from '../../build/git/git.js';
import { findCommit } from '../../build/git/revision.js';
import { Deadline } from '../../core/deadline.js';

/** Milliseconds that a question to git may take. */
const gitMs = 60_000;

/** What `git bisect run` wants judged. */
export interface Checkout {
  repository: string;
  /** All digits of the commit that git asks about. */
  commit: string;
  /** What git looks for, by its terms: `broken` is git's own example of an older state that a fix ends. */
  change: 'break' | 'fix';
}

/**
 * The commit that a checkout is at: BISECT_HEAD where git bisects without checking out, else HEAD. Throws UsageError where there is none.
 */
export async function checkoutAt(dir: string, signal: AbortSignal): Promise<Checkout> {
  const options = { deadline: Deadline.after(gitMs), signal };
  const asked = await tryGit(dir, ['rev-parse', '--verify', '--quiet', 'BISECT_HEAD'], options);
  const revision = asked.exitCode === 0 ? 'BISECT_HEAD' : 'HEAD';
  const { repository, commit } = await findCommit(`git:${dir}@${revision}`, options);
  const { stdout: old } = await tryGit(dir, ['bisect', 'terms', '--term-old'], options);
  return { repository, commit, change: old.trim() === 'broken' ? 'fix' : 'break' };
}
