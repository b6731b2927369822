import { writeFileSync } from 'node:fs';
import { git } from '../../build/git/git.js';
import { Deadline } from '../../core/deadline.js';
import { checkEnds, type Ends } from '../history/ends.js';
import type { CertaintyWords } from '../repeat.js';
import { type CommitFacts, type Examination, type Suspect, toGoWords } from '../history/examination.js';
import type { Found } from '../history/found.js';
import type { Answer } from '../inquiry.js';
import { type CommitEnds, commitFacts } from './commit-ends.js';
import { type BisectState, GitBisect, type GitBisectPlan, type Mark } from './git-bisect.js';

/** Milliseconds that a question about the history may take. */
const gitMs = 5 * 60_000;

/** Git's words for the older and the newer state, where nobody says others: git's own for a break, and those its manual uses for a fix. */
const usualTerms = { break: { old: 'good', new: 'bad' }, fix: { old: 'broken', new: 'fixed' } };

export interface CommitPlan extends Pick<GitBisectPlan, 'firstParent' | 'paths' | 'folder' | 'signal'> {
  ends: CommitEnds;
  termOld?: string;
  termNew?: string;
  /** Where git's log of the search is kept, as `git bisect replay` takes it. */
  logFile: string;
  suspectOf: (commit: CommitFacts) => Suspect;
}

/**
 * The first commit that answers otherwise than those before it, by git's own bisect. Throws UsageError when an end does not answer as it
 * should, or git does not take the terms or paths.
 */
export async function searchCommits(examination: Examination, plan: CommitPlan, words: CertaintyWords): Promise<Found> {
  const { ends, suspectOf, logFile } = plan;
  // Before the ends are compiled: what git does not take is told at once.
  await using bisect = await startGit(plan);
  const suspects = { good: suspectOf(ends.good), bad: suspectOf(ends.bad) };
  const checked = await checkEnds(examination, suspects, words);
  for (;;) {
    writeFileSync(logFile, await bisect.log());
    const state = await bisect.state();
    if (state.kind !== 'asks') return await foundIn(state, plan, { ends: checked, examination });
    const suspect = suspectOf(await commitFacts(ends.repository, state.commit, plan.signal));
    const about = toGoWords(state.toGo);
    const { answer } = await examination.examine(suspect, about, checked.certainty.passes);
    await bisect.mark(markOf(answer, ends.change));
  }
}

async function startGit(plan: CommitPlan): Promise<GitBisect> {
  const { ends, firstParent, paths, folder, signal, termOld, termNew } = plan;
  const { repository, change } = ends;
  const [older, newer] = inOrder(ends);
  const usual = usualTerms[change];
  return GitBisect.start({
    ...{ repository, firstParent, paths, folder, signal },
    ...{ older: older.commit, newer: newer.commit },
    terms: { old: termOld ?? usual.old, new: termNew ?? usual.new },
  });
}

/** The older end, and the newer. */
function inOrder({ good, bad, change }: CommitEnds): [older: CommitFacts, newer: CommitFacts] {
  return change === 'break' ? [good, bad] : [bad, good];
}

function markOf(answer: Answer, change: 'break' | 'fix'): Mark {
  if (answer === 'skip') return 'skip';
  return (answer === 'bad') === (change === 'break') ? 'new' : 'old';
}

async function foundIn(
  state: Exclude<BisectState, { kind: 'asks' }>,
  plan: CommitPlan,
  { ends, examination }: { ends: Ends; examination: Examination },
): Promise<Found> {
  const { suspectOf, signal } = plan;
  const { repository, change } = plan.ends;
  const options = { deadline: Deadline.after(gitMs), signal };
  // Git tells them newest first.
  const commits = state.kind === 'found' ? [state.commit] : state.commits.reverse();
  const possible = await Promise.all(
    commits.map(async (commit) => suspectOf(await commitFacts(repository, commit, signal))),
  );
  const parents = (await git(repository, ['rev-list', '--parents', '--no-walk', ...commits], options)).split(/\s+/);
  const asked = [...examination.examined.values()].filter(
    ({ suspect: { commit }, answer }) => commit && !commits.includes(commit.commit) && answer !== 'skip',
  );
  const order = await orderOf(plan);
  const before = asked.map(({ suspect }) => suspect).filter(isAmong(parents));
  // Where only some paths count, the commit that was asked before it is seldom a parent: the last one before it in the history is told.
  const placeOf = ({ commit }: Suspect): number => order.indexOf(commit?.commit ?? '');
  const earliest = Math.min(...possible.map(placeOf));
  const older = change === 'break' ? 'good' : 'bad';
  const [last] = asked
    .filter(({ suspect, answer }) => answer === older && placeOf(suspect) < earliest)
    .sort((one, other) => placeOf(other.suspect) - placeOf(one.suspect));
  if (before.length === 0 && last) before.push(last.suspect);
  const told = { change, ends, before, order };
  const [first, ...others] = possible;
  return first && others.length === 0 ? { ...told, first, possible: [] } : { ...told, possible };
}

/** The commits that were searched, oldest first, the older end among them. */
async function orderOf({ ends, firstParent, paths, signal }: CommitPlan): Promise<string[]> {
  const { repository } = ends;
  const [older, newer] = inOrder(ends);
  const which = ['--topo-order', '--reverse', ...(firstParent ? ['--first-parent'] : [])];
  const range = [newer.commit, `^${older.commit}`, '--', ...paths];
  const listed = await git(repository, ['rev-list', ...which, ...range], { deadline: Deadline.after(gitMs), signal });
  return [...new Set([older.commit, ...listed.split('\n').filter((line) => line !== ''), newer.commit])];
}

function isAmong(commits: readonly string[]): (suspect: Suspect) => boolean {
  return ({ commit }) => commit !== undefined && commits.includes(commit.commit);
}
