import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { packageRoot } from '../../../../harness/core/package-root.js';
import { quoteWord } from '../../../../harness/machine/words.js';
import { hasGit, History } from './history.js';

const slotScenario = join(packageRoot, 'dist', 'tests', 'migration', 'slot-power-off.scenario.js');
const words = [
  'bisect',
  slotScenario,
  '--machine',
  'pc-q35-6.0',
  '--jobs',
  '1',
  '--run',
  '--build-command',
  'sh build.sh',
];

/**
 * 1. `git bisect run godwit bisect --run` finds what broke it, and with git's terms broken and fixed what fixed it; with and without a
 *    checkout of each commit; what does not compile is left out.
 * 2. The status is 0 good, 1 bad, 125 not to be judged, and 128 or more, with which git stops, for wrong usage and a broken host.
 */
describe('godwit bisect --run', function () {
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

  /** `git bisect run` with a script that runs Godwit, so that git's own way of running commands is part of it. */
  async function bisectRun(of: History, start: readonly string[], more: readonly string[] = []) {
    const main = join(packageRoot, 'dist', 'harness', 'cli', 'main.js');
    const judge = of.path('judge');
    const own = [process.execPath, main, ...words, '--output', of.path('judged'), ...more].map(quoteWord).join(' ');
    writeFileSync(judge, `#!/bin/sh\nexec ${own}\n`);
    chmodSync(judge, 0o755);
    of.git('bisect', 'start', ...start);
    const { all, exitCode } = await execa('git', ['bisect', 'run', judge], {
      ...{ cwd: of.repository, all: true, reject: false, env: { TMPDIR: of.path('t') } },
    });
    return { text: all, exitCode, log: of.git('bisect', 'log') };
  }

  it('finds what broke it, and leaves out what does not compile', async () => {
    history = await History.of('trixie', 'trixie', 'uncompilable', 'trixie', 'bookworm', 'bookworm');
    const [good = '', , , , first = '', bad = ''] = history.commits;
    const { log, text } = await bisectRun(history, [bad, good]);
    expect(log, text).to.include(`# first bad commit: [${first}]`);
    expect(log).to.match(/^git bisect skip /m);
  });

  it('finds what fixed it with the terms broken and fixed, and without a checkout', async () => {
    history = await History.of('bookworm', 'bookworm', 'trixie', 'trixie');
    const [old = '', , first = '', fixed = ''] = history.commits;
    const terms = ['--no-checkout', '--term-old=broken', '--term-new=fixed'];
    const { log, text } = await bisectRun(history, [...terms, fixed, old]);
    expect(log, text).to.include(`# first fixed commit: [${first}]`);
    expect(readFileSync(join(history.repository, 'release'), 'utf8'), 'nothing was checked out').to.equal('trixie\n');
  });

  it('finds a fix under other terms when it is told so', async () => {
    history = await History.of('bookworm', 'trixie', 'trixie');
    const [old = '', first = '', fixed = ''] = history.commits;
    const terms = ['--term-old=before', '--term-new=after'];
    const { log, text } = await bisectRun(history, [...terms, fixed, old], ['--find', 'fix']);
    expect(log, text).to.include(`# first after commit: [${first}]`);
  });

  it('says by its status what a commit is, and stops git when it cannot say anything', async () => {
    history = await History.of('trixie', 'bookworm', 'uncompilable');
    const at = async (place: number, ...more: string[]): Promise<number | undefined> => {
      history?.git('checkout', '--quiet', history.commits[place] ?? '');
      return (await history?.godwit(...words, '--repo', 'qemu', ...more))?.exitCode;
    };
    expect([await at(0), await at(1), await at(2)]).to.deep.equal([0, 1, 125]);
    expect(await at(0, '--machine', 'pc-q35-11.0'), 'a machine type that it lacks').to.equal(125);
    expect(await at(0, '--repo', 'nowhere'), 'no repository').to.equal(128);
    expect(await at(0, '--no-such-option'), 'no such option').to.equal(128);
    expect(await at(0, '--vary', 'source'), 'no held side').to.equal(128);
    const broken = history.scenario('broken', { broken: 'journey.nothing();' });
    const ofHost = await history.godwit('bisect', broken, '--repo', 'qemu', ...words.slice(6), '--output', 'b');
    expect(ofHost.exitCode, 'a scenario that cannot judge').to.equal(128);
    expect(ofHost.stderr).to.include('this host could not judge').and.include('journey.nothing is not a function');
  });
});
