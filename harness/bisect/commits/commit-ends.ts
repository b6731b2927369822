import { git, tryGit } from '../../build/git/git.js';
import { findCommit, shownDigits } from '../../build/git/revision.js';
import { Deadline } from '../../core/deadline.js';
import { UsageError } from '../../core/errors.js';
import type { CommitFacts } from '../history/examination.js';

/** Milliseconds that a question about the history may take. */
const gitMs = 5 * 60_000;

/** The two ends of a search over commits. */
export interface CommitEnds {
  /** The checkout's top folder, or the bare repository. */
  repository: string;
  good: CommitFacts;
  bad: CommitFacts;
  /** What is looked for: the commit that broke it where the bad end is the newer, else the one that fixed it. */
  change: 'break' | 'fix';
}

/**
 * The commits that two revisions mean, and which is the newer. Throws UsageError for an unknown revision, for one commit under two names,
 * and for two commits of which neither comes from the other.
 */
export async function commitEnds(
  repo: string,
  revisions: { good: string; bad: string },
  signal: AbortSignal,
): Promise<CommitEnds> {
  const options = { deadline: Deadline.after(gitMs), signal };
  const { repository, commit: good } = await findCommit(`git:${repo}@${revisions.good}`, options);
  const { commit: bad } = await findCommit(`git:${repo}@${revisions.bad}`, options);
  if (good === bad)
    throw new UsageError(`--good ${revisions.good} and --bad ${revisions.bad} are the same commit ${shown(good)}`);
  const comesFrom = async (older: string, newer: string): Promise<boolean> =>
    (await tryGit(repository, ['merge-base', '--is-ancestor', older, newer], options)).exitCode === 0;
  const change = (await comesFrom(good, bad)) ? 'break' : (await comesFrom(bad, good)) ? 'fix' : undefined;
  if (change) {
    const [ofGood, ofBad] = await Promise.all([good, bad].map((commit) => commitFacts(repository, commit, signal)));
    if (ofGood && ofBad) return { repository, good: ofGood, bad: ofBad, change };
  }
  const { stdout: base } = await tryGit(repository, ['merge-base', good, bad], options);
  const advice = base === '' ? 'they have no commit in common' : `both come from ${shown(base)}`;
  throw new UsageError(
    `neither of --good ${revisions.good} (${shown(good)}) and --bad ${revisions.bad} (${shown(bad)}) comes from the other, ${advice}; accepted: two commits of one line`,
  );
}

/** Subject, author and date of a commit. */
export async function commitFacts(repository: string, commit: string, signal: AbortSignal): Promise<CommitFacts> {
  const format = ['log', '-1', '--no-show-signature', '--format=%s%x00%an%x00%aI', commit];
  const told = await git(repository, format, { deadline: Deadline.after(gitMs), signal });
  const [subject = '', author = '', date = ''] = told.split('\0');
  return { commit, subject, author, date };
}

/** A commit in a line: `0123456789ab "subject"`. */
export function commitTitle({ commit, subject }: CommitFacts): string {
  return `${shown(commit)} "${subject}"`;
}

function shown(commit: string): string {
  return commit.slice(0, shownDigits);
}
