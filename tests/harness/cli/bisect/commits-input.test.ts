import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../../../../harness/core/package-root.js';
import { hasGit, History } from './history.js';

const slotScenario = join(packageRoot, 'dist', 'tests', 'migration', 'slot-power-off.scenario.js');
const slot = [slotScenario, '--machine', 'pc-q35-6.0', '--jobs', '1'];

/** Ends of a search over commits that cannot be used: exit 2, one sentence that says which and why, and no work tree left. */
describe('godwit bisect over commits, given ends that it cannot use', function () {
  this.timeout(120_000);
  let history: History;

  before(async function () {
    if (!hasGit) return this.skip();
    history = await History.of('trixie', 'bookworm', 'trixie', 'uncompilable', 'bookworm');
    history.git('switch', '--quiet', '--create', 'side', 'HEAD~3');
    history.commitRelease('bookworm', { other: '' });
    history.git('branch', 'two-ends', 'HEAD');
  });
  after(() => history[Symbol.dispose]());

  async function said(good: string, bad: string, ...more: string[]): Promise<string> {
    const words = ['bisect', ...slot, '--repo', 'qemu', '--good', good, '--bad', bad, '--build-command', 'sh build.sh'];
    const { exitCode, stdout, stderr } = await history.godwit(...words, '--fresh', ...more);
    expect(exitCode, stderr).to.equal(2);
    expect(stdout).to.equal('');
    expect(history.git('worktree', 'list').split('\n')).to.have.length(1);
    return stderr.trimEnd().split('\n').at(-1) ?? '';
  }

  const commit = (place: number): string => history.commits[place] ?? '';

  it('swapped, both good, both bad', async () => {
    expect(await said(commit(1), commit(2))).to.match(
      /^godwit: good and bad are swapped: [0-9a-f]{12} "1: bookworm" was given as good and fails \(Slot Status .*\), and [0-9a-f]{12} "2: trixie" was given as bad and passes; accepted: /,
    );
    expect(await said(commit(0), commit(2))).to.match(
      /both ends are good: [0-9a-f]{12} "2: trixie" was given as bad and passes 10 times of 10, as [0-9a-f]{12} "0: trixie" does/,
    );
    expect(await said(commit(1), commit(4))).to.match(
      /both ends are bad: [0-9a-f]{12} "1: bookworm" was given as good and fails/,
    );
  });

  it('one that does not compile, with its log', async () => {
    expect(await said(commit(0), commit(3))).to.match(
      /^godwit: the bad end, [0-9a-f]{12} "3: uncompilable", cannot be judged: .*no semicolon; the log is \S+; accepted: /,
    );
  });

  it('unknown, the same, of two lines, or no repository', async () => {
    expect(await said('nowhere', commit(1))).to.include('"nowhere" is none in');
    expect(await said(commit(1), commit(1).slice(0, 8))).to.include(`are the same commit ${commit(1).slice(0, 12)}`);
    expect(await said(commit(4), 'side')).to.match(
      /neither of --good [0-9a-f]+ \([0-9a-f]{12}\) and --bad side \([0-9a-f]{12}\) comes from the other, both come from [0-9a-f]{12}; accepted: two commits of one line/,
    );
    expect(await said(commit(0), commit(1), '--repo', 'nowhere')).to.include('there is no folder');
    expect(await said(commit(0), commit(1), '--repo', history.path('t'))).to.include('not a git repository');
  });

  it('terms and paths that git does not take, before anything is compiled', async () => {
    const terms = await history.godwit(...history.between(0, 4, ...slot, '--term-old', 'skip', '--output', 'terms'));
    expect(terms.exitCode).to.equal(2);
    expect(terms.stderr).to.include("can't use the builtin command 'skip' as a term").and.not.include('compiling');
    const paths = await history.godwit(...history.between(0, 4, ...slot, '--path', 'nothing', '--output', 'paths'));
    expect(paths.exitCode).to.equal(2);
    expect(paths.stderr).to.include('No testable commit found').and.not.include('compiling');
  });

  it('words that miss or contradict', async () => {
    const ended = await history.godwit('bisect', ...slot, '--repo', 'qemu', '--good', commit(0));
    expect(ended.exitCode).to.equal(2);
    expect(ended.stderr).to.include('--repo needs both ends; accepted: --good REV --bad REV');
    const unsure = await history.godwit(...history.between(0, 1, ...slot, '--confidence', '2'));
    expect(unsure.exitCode).to.equal(2);
    expect(unsure.stderr).to.include('accepted: from 0.5 to below 1');
    writeFileSync(history.path('in-the-way'), '');
    expect(await said(commit(0), commit(1), '--output', 'in-the-way')).to.include(
      '--output in-the-way cannot be written',
    );
    expect(await said(commit(0), commit(1), '--grep', 'nothing like it')).to.include(
      'cannot be judged: --grep nothing like it matches none of 1 cells',
    );
  });

  it('a host that cannot compile ends the search, and is no answer', async () => {
    history.git('checkout', '--quiet', commit(4));
    history.commitRelease('bookworm', { 'build.sh': 'echo "cc1: No space left on device"; exit 1\n' });
    const words = history.between(0, 6, ...slot, '--output', 'full');
    const { exitCode, stderr } = await history.godwit(...words);
    expect(exitCode, stderr).to.equal(3);
    expect(stderr).to.include('the disk is full');
    expect(history.git('worktree', 'list').split('\n')).to.have.length(1);
  });
});
