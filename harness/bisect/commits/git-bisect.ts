import { type ChildOptions } from '../../build/child.js';
import { git, tryGit } from '../../build/git/git.js';
import { removeWorkTree } from '../../build/git/work-tree.js';
import { Deadline } from '../../core/deadline.js';
import { DisposeStack } from '../../core/dispose.js';
import { UsageError } from '../../core/errors.js';

/** Milliseconds that one step of git may take: a history of a hundred thousand commits, narrowed to paths, over a slow disk. */
const gitMs = 10 * 60_000;

/** What a commit is to git: as the older end is, as the newer end is, or neither can be said. */
export type Mark = 'old' | 'new' | 'skip';

/** Where git's search stands. */
export type BisectState =
  /** The commit that git asks about, and about how many more it will ask after it. */
  | { kind: 'asks'; commit: string; toGo: number }
  | { kind: 'found'; commit: string }
  /** Only commits that cannot be judged are left; the change is in one of these, oldest last. */
  | { kind: 'undecided'; commits: string[] };

export interface GitBisectPlan {
  repository: string;
  /** Full ids of the two ends. */
  older: string;
  newer: string;
  /** Git's words for the two states. */
  terms: { old: string; new: string };
  firstParent: boolean;
  paths: readonly string[];
  /** Where the work tree is made; taken over when one is there. */
  folder: string;
  signal: AbortSignal;
}

/**
 * Git's own bisect, in a work tree without files that is ours: refs/bisect and the log belong to the work tree, so that a bisect of the
 * user's own in the checkout goes on undisturbed. Disposing it takes the work tree away.
 */
export class GitBisect implements AsyncDisposable {
  private said = '';

  private constructor(private readonly plan: GitBisectPlan) {}

  /** Throws UsageError with git's words for terms or paths that it does not take. */
  static async start(plan: GitBisectPlan): Promise<GitBisect> {
    const { repository, folder, terms, older, newer, firstParent, paths, signal } = plan;
    await removeWorkTree(repository, folder);
    const bisect = new GitBisect(plan);
    await using cleanup = new DisposeStack();
    cleanup.use(bisect);
    // The user's hooks are for the user's checkout.
    const quiet = ['-c', 'core.hooksPath=/dev/null', '-c', 'advice.detachedHead=false'];
    const add = ['worktree', 'add', '--no-checkout', '--detach', '--force', folder, newer];
    await git(repository, [...quiet, ...add], { deadline: Deadline.after(gitMs), signal });
    await bisect.run([
      ...['start', '--no-checkout', ...(firstParent ? ['--first-parent'] : [])],
      ...[`--term-old=${terms.old}`, `--term-new=${terms.new}`, newer, older, '--', ...paths],
    ]);
    cleanup.move();
    return bisect;
  }

  /** What git asks next, or what it has found. */
  async state(): Promise<BisectState> {
    const log = await this.log();
    const found = /^# first \S+ commit: \[([0-9a-f]+)\]/m.exec(log)?.[1];
    if (found !== undefined) return { kind: 'found', commit: found };
    const possible = [...log.matchAll(/^# possible first \S+ commit: \[([0-9a-f]+)\]/gm)].flatMap(([, id]) => id ?? []);
    if (possible.length > 0) return { kind: 'undecided', commits: possible };
    const commit = await git(this.plan.folder, ['rev-parse', '--verify', 'BISECT_HEAD'], this.options());
    return { kind: 'asks', commit: commit.trim(), toGo: Number(/roughly (\d+) step/.exec(this.said)?.[1] ?? 0) };
  }

  /** Tells git what the commit is that it asks about. */
  async mark(mark: Mark): Promise<void> {
    await this.run([mark === 'skip' ? 'skip' : this.plan.terms[mark]]);
  }

  /** What `git bisect replay` takes. */
  async log(): Promise<string> {
    return `${await git(this.plan.folder, ['bisect', 'log'], this.options())}\n`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeWorkTree(this.plan.repository, this.plan.folder);
  }

  private async run(words: readonly string[]): Promise<void> {
    const done = await tryGit(this.plan.folder, ['bisect', ...words], this.options());
    this.said = done.stdout;
    // Status 2 says that only skipped commits are left, which the log says too.
    if (done.exitCode === 0 || (done.exitCode === 2 && words[0] !== 'start')) return;
    const lines = `${done.stderr}\n${done.stdout}`.split('\n').filter((line) => line.trim() !== '');
    throw new UsageError(
      `git bisect ${words[0]} in ${this.plan.repository} failed: ${lines.join(' ') || done.summary}`,
      {
        data: { words, exitCode: done.exitCode, stdout: done.stdout, stderr: done.stderr },
      },
    );
  }

  private options(): ChildOptions {
    return { deadline: Deadline.after(gitMs), signal: this.plan.signal };
  }
}
