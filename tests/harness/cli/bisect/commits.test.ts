import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../../../../harness/core/package-root.js';
import { splitWords } from '../../../../harness/machine/words.js';
import type { SearchReport } from '../../../../harness/bisect/history/report.js';
import { hasGit, History } from './history.js';

const slotScenario = join(packageRoot, 'dist', 'tests', 'migration', 'slot-power-off.scenario.js');
const slot = [slotScenario, '--machine', 'pc-q35-6.0', '--jobs', '1'];

function reportIn(history: History, output = 'godwit-bisect'): SearchReport {
  return JSON.parse(readFileSync(history.path(output, 'bisect.json'), 'utf8')) as SearchReport;
}

/**
 * 1. Names the commit that broke it, and the one that fixed it, whatever the order of the ends; git's log of it can be replayed.
 * 2. Commits that do not compile, or do not run, are walked round; the report has the log; where only such are left, it names the range.
 * 3. The user's checkout, and a bisect that goes on in it, stay as they are; no work tree is left.
 * 4. First parents, paths and terms of one's own reach git.
 */
describe('godwit bisect over commits', function () {
  this.timeout(120_000);
  let history: History | undefined;

  before(function () {
    if (!hasGit) this.skip();
  });
  afterEach(async () => {
    const left = await history?.leftovers(1000);
    history?.[Symbol.dispose]();
    history = undefined;
    expect(left).to.deep.equal([]);
  });

  it('names the commit that fixed it, with its facts, the evidence and a command to check it', async () => {
    history = await History.of('bookworm', 'bookworm', 'bookworm', 'bookworm', 'trixie', 'trixie', 'trixie');
    const { exitCode, stdout, stderr } = await history.godwit(...history.between(6, 0, ...slot));
    expect(exitCode, stderr).to.equal(0);
    const fix = history.commits[4] ?? '';
    expect(stdout).to.include(`${fix.slice(0, 12)} "4: trixie" is the first that passes.`);
    expect(stdout).to.include(`commit ${fix} of `).and.include(', by Author: 4: trixie');
    expect(stdout).to.match(/before it: [0-9a-f]{12} "3: bookworm" is bad: Slot Status of pcie-root-port18.*PDS/);
    expect(stdout)
      .to.match(/Evidence: slot that the guest powered off \[git:/)
      .and.include('i=0x6e read: 18 device: 40');
    expect(stderr).to.match(/step 3, about \d+ to go: [0-9a-f]{12} "\d: \w+": compiling…/);
    expect(readFileSync(history.path('godwit-bisect', 'bisect.txt'), 'utf8').trimEnd()).to.equal(stdout);
    const report = reportIn(history);
    expect(report).to.include({ search: 'commits', change: 'fix', repository: history.repository });
    expect(report.first?.commit).to.include({ commit: fix, subject: '4: trixie', author: 'Author' });
    expect(report.steps.length).to.be.at.most(6);

    const check = /^Check it: godwit (.*)$/m.exec(stdout)?.[1] ?? '';
    const checked = await history.godwit(...splitWords(check), '--reporter', 'terminal');
    expect(checked.stdout, checked.stderr).to.include('1 passed, 0 known, 1 failed');
    expect(checked.stderr, 'nothing is compiled for it').to.not.include('compiling');

    history.git('clone', '--quiet', history.repository, history.path('clone'));
    history.git('-C', history.path('clone'), 'bisect', 'replay', history.path('godwit-bisect', 'git-bisect.log'));
    expect(history.git('-C', history.path('clone'), 'bisect', 'log')).to.include(`# first fixed commit: [${fix}]`);
  });

  it('names the commit that broke it; one that does not compile or run is walked round', async () => {
    history = await History.of('trixie', 'trixie', 'uncompilable', 'mute', 'trixie', 'bookworm', 'bookworm');
    const { exitCode, stdout, stderr } = await history.godwit(...history.between(0, 6, ...slot));
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.include('"5: bookworm" is the first that fails.');
    const skipped = reportIn(history).steps.filter(({ answer }) => answer === 'skip');
    for (const { title, reason, log } of skipped) {
      if (title.includes('mute')) expect(reason).to.include('it was compiled and does not run');
      else expect(reason).to.match(/does not compile \(build command\): .*no semicolon/);
      if (log !== undefined) expect(readFileSync(log, 'utf8')).to.include('no semicolon');
    }
    expect(skipped.length).to.be.above(0);
  });

  it('takes commits for members of a list, and walks round one that does not compile', async () => {
    history = await History.of('bookworm', 'uncompilable', 'trixie', 'trixie');
    const list = history.commits.map((commit) => `git:qemu@${commit.slice(0, 12)}`);
    const words = ['bisect', ...slot, '--build-command', 'sh build.sh', '--builds', list.join(',')];
    const { exitCode, stdout, stderr } = await history.godwit(...words);
    expect(exitCode, stderr).to.equal(1);
    expect(reportIn(history).possible.map(({ name, answer }) => [name, answer])).to.deep.equal([
      [list[1], 'skip'],
      [list[2], 'good'],
    ]);
    expect(stdout).to.include('no semicolon');
  });

  it('tells the range where only commits that cannot be judged are left', async () => {
    history = await History.of('trixie', 'trixie', 'uncompilable', 'uncompilable', 'bookworm');
    const { exitCode, stdout, stderr } = await history.godwit(...history.between(0, 4, ...slot));
    expect(exitCode, stderr).to.equal(1);
    expect(stdout).to.match(/^The first that fails is one of 3, of which all but the last cannot be judged:\n/);
    const { possible, before, first } = reportIn(history);
    expect(first).to.equal(undefined);
    expect(possible.map(({ commit }) => commit?.commit)).to.deep.equal(history.commits.slice(2));
    expect(before.map(({ commit }) => commit?.commit)).to.deep.equal(history.commits.slice(1, 2));
  });

  it('leaves a checkout that is dirty, and in the midst of a bisect of its own, as it is', async () => {
    history = await History.of('bookworm', 'bookworm', 'trixie', 'trixie');
    const [first = '', , , last = ''] = history.commits;
    history.git('bisect', 'start', last, first);
    writeFileSync(join(history.repository, 'release'), 'mine\n');
    writeFileSync(join(history.repository, 'untracked'), 'mine too\n');
    history.write('staged', 'and this');
    history.git('add', 'staged');
    const state = (): string[] => [
      history?.git('status', '--porcelain=v2', '--branch') ?? '',
      history?.git('diff', 'HEAD') ?? '',
      history?.git('bisect', 'log') ?? '',
      history?.git('for-each-ref') ?? '',
      history?.git('worktree', 'list') ?? '',
    ];
    const before = state();
    const { exitCode, stdout, stderr } = await history.godwit(...history.between(3, 0, ...slot));
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.include('"2: trixie" is the first that passes');
    expect(state()).to.deep.equal(before);
    expect(existsSync(history.path('godwit-bisect', 'git-bisect-work-tree'))).to.equal(false);
  });

  it('follows first parents, narrows to paths, and uses the terms it is given', async () => {
    history = await History.of('trixie');
    history.git('switch', '--quiet', '--create', 'side');
    history.commitRelease('bookworm', { 'hw/a': '1' });
    history.commitRelease('bookworm', { 'hw/a': '2' });
    history.git('switch', '--quiet', '-');
    history.commitRelease('trixie', { 'docs/b': '1' });
    history.git('merge', '--quiet', '--no-commit', 'side');
    const merge = history.commitRelease('bookworm');
    history.commitRelease('bookworm', { 'docs/b': '2' });
    const terms = ['--term-old', 'fine', '--term-new', 'spoilt'];
    const [whole, narrowed] = await Promise.all([
      history.godwit(...history.between(0, 5, ...slot, '--first-parent', ...terms)),
      history.godwit(...history.between(0, 5, ...slot, '--path', 'hw', '--output', 'narrowed')),
    ]);
    expect(whole.exitCode, whole.stderr).to.equal(0);
    expect(whole.stdout).to.include(`${merge.slice(0, 12)} "4: bookworm" is the first that fails`);
    expect(readFileSync(history.path('godwit-bisect', 'git-bisect.log'), 'utf8')).to.match(/^git bisect spoilt /m);
    expect(narrowed.exitCode, narrowed.stderr).to.equal(0);
    expect(narrowed.stdout).to.include('"1: bookworm" is the first that fails');
  });
});
