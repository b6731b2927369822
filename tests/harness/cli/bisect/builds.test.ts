import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { SearchReport } from '../../../../harness/bisect/history/report.js';
import { packageRoot } from '../../../../harness/core/package-root.js';
import { suite, type Suite } from '../../support/launchpad.js';
import { wrapperScript } from '../../support/wrapper.js';
import { type Ended, Sandbox } from '../sandbox.js';

const slotScenario = join(packageRoot, 'dist', 'tests', 'migration', 'slot-power-off.scenario.js');
const slot = [slotScenario, '--machine', 'pc-q35-6.0', '--jobs', '1'];

/**
 * 1. Names the first build of a list that passes, or fails, with the ends named or found; of a folder, by version.
 * 2. Varies one side against a build that is held.
 * 3. A build in the middle that cannot be judged is walked round; the range is told where only such are left.
 * 4. Ends that are wrong are told before anything else is asked.
 */
describe('godwit bisect over builds', function () {
  this.timeout(120_000);
  let sandbox: Sandbox;
  beforeEach(() => (sandbox = new Sandbox()));
  afterEach(async () => {
    const left = await sandbox.leftovers(1000);
    sandbox[Symbol.dispose]();
    expect(left).to.deep.equal([]);
  });

  /** What the suites' QEMUs are today is nothing that a test knows: their last number is x. */
  async function bisect(...words: string[]): Promise<Ended> {
    const { exitCode, stdout, stderr } = await sandbox.godwit('bisect', ...slot, ...words);
    const dateless = (text: string): string => text.replace(/\b(10\.0|7\.2)\.\d+/g, '$1.x');
    return { exitCode, stdout: dateless(stdout), stderr: dateless(stderr) };
  }

  /** A script that starts a suite's QEMU, as a build of its own; with words of its own where given. */
  async function build(name: string, of: Suite, more = ''): Promise<string> {
    writeFileSync(sandbox.path(name), wrapperScript(await suite(of), { shell: more }), { mode: 0o755 });
    return `./${name}`;
  }

  function report(): SearchReport {
    return JSON.parse(readFileSync(sandbox.path('godwit-bisect', 'bisect.json'), 'utf8')) as SearchReport;
  }

  it('names the first that passes, with both verdicts and the evidence', async () => {
    const list = [await build('a', 'bookworm'), await build('b', 'bookworm'), await build('c', 'trixie'), 'deb:trixie'];
    const { exitCode, stdout, stderr } = await bisect('--builds', list.join(','));
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.match(/^\.\/c \(QEMU 10\.0\.x\) is the first that passes\./);
    expect(stdout).to.include('before it: ./b (QEMU 7.2.x) is bad: Slot Status of pcie-root-port18');
    expect(stdout).to.include('Check it: godwit run').and.include('--source ./b ./c --pairs same');
    expect(report().steps.map(({ name, answer }) => [name, answer])).to.deep.equal([
      ['deb:trixie', 'good'],
      ['./a', 'bad'],
      ['./b', 'bad'],
      ['./c', 'good'],
    ]);
    expect(sandbox.finished('godwit-bisect').length).to.be.below(10);
    expect(sandbox.end('godwit-bisect')).to.include({ interrupted: false });
    for (const file of ['report.html', 'junit.xml'])
      expect(readFileSync(sandbox.path('godwit-bisect', file), 'utf8')).to.include('./c');
  });

  it('names the first that fails in a folder of builds, ordered by version', async () => {
    mkdirSync(sandbox.path('qemus', 'qemu-7'), { recursive: true });
    await build('qemus/qemu-system-x86_64-old', 'trixie');
    await build('qemus/qemu-7/qemu-system-x86_64', 'bookworm');
    writeFileSync(sandbox.path('qemus', 'qemu-system-x86_64-dead'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    writeFileSync(sandbox.path('qemus', 'notes'), 'no build');
    const { exitCode, stdout, stderr } = await bisect('--builds', 'qemus');
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.match(/^qemus\/qemu-system-x86_64-old \(QEMU 10\.0\.x\) is the first that passes\./);
    expect(stderr).to.include('qemus/qemu-system-x86_64-dead is left out:');

    const [old, other] = ['qemus/qemu-system-x86_64-old', 'qemus/qemu-7'];
    const named = await bisect('--builds', old, other, '--good', old, '--bad', other, '--output', 'named');
    expect(named.exitCode, named.stderr).to.equal(0);
    expect(named.stdout).to.match(/^qemus\/qemu-7 \(QEMU 7\.2\.x\) is the first that fails\./);
  });

  it('varies one side against a build that is held', async () => {
    const list = [await build('a', 'bookworm'), await build('b', 'trixie')];
    const held = await bisect('--builds', ...list, '--vary', 'destination', '--source', 'deb:bookworm');
    expect(held.exitCode, held.stderr).to.equal(0);
    expect(held.stdout).to.include('./b (QEMU 10.0.x) is the first that passes');
    expect(held.stdout)
      .to.include('[deb:bookworm → ./a, pc-q35-6.0]')
      .and.include('--source deb:bookworm --destination ./a ./b');
    const wrong = await bisect('--builds', ...list, '--vary', 'source', '--source', 'deb:bookworm');
    expect(wrong.exitCode).to.equal(2);
    expect(wrong.stderr).to.include('--source deb:bookworm and --vary source contradict each other');
    const missing = await bisect('--builds', ...list, '--vary', 'source');
    expect(missing.stderr).to.include('--vary source needs a build on the other side');
  });

  it('walks round a build that lacks the machine type, and tells the range where it must', async () => {
    const list = [await build('a', 'trixie'), 'deb:bookworm', await build('b', 'trixie')];
    const file = sandbox.scenario('old', { old: "expect(journey.route[0].name).not.to.equal('./b');" });
    const source = readFileSync(sandbox.path(file), 'utf8').replace('pc-q35-7.2', 'pc-q35-8.0');
    writeFileSync(sandbox.path(file), source);
    const { exitCode, stdout, stderr } = await sandbox.godwit(
      'bisect',
      file,
      '--builds',
      ...list,
      '--machine',
      'pc-q35-8.0',
    );
    expect(exitCode, stderr).to.equal(1);
    expect(stdout).to.match(
      /^The first that fails is one of 2, of which all but the last cannot be judged:\n {2}deb:bookworm/,
    );
    expect(stdout).to.include('--machine pc-q35-8.0 is no machine type of deb:bookworm');
  });

  it('judges nobody by what passes elsewhere: a build that lacks what fails is not good', async () => {
    const fails = sandbox.scenario('newer', { newer: "expect(1, 'newer').to.equal(2);" }, "machines: 'pc-q35-8.0',");
    const passes = sandbox.scenario('older', { older: 'await journey.migrate();' });
    const list = ['--builds', await build('a', 'bookworm'), 'deb:trixie', '--output', 'lacks'];
    const { exitCode, stderr } = await sandbox.godwit('bisect', fails, passes, ...list);
    expect(exitCode).to.equal(2);
    expect(stderr).to.match(
      /the good end, \.\/a \(QEMU 7\.2\.\d+\), cannot be judged: none of the cells that fail on the bad end can run on it/,
    );
  });

  it('says which end is wrong, and why', async () => {
    const [bad, other, good] = [await build('a', 'bookworm'), await build('b', 'bookworm'), await build('c', 'trixie')];
    const said = async (...words: string[]): Promise<string> => {
      const { exitCode, stderr } = await bisect('--output', 'ends', '--fresh', ...words);
      expect(exitCode, stderr).to.equal(2);
      return stderr.trimEnd().split('\n').at(-1) ?? '';
    };
    expect(await said('--builds', bad, good, '--good', bad, '--bad', good)).to.match(
      /^godwit: good and bad are swapped: \.\/a \(QEMU 7\.2\.x\) was given as good and fails \(Slot Status.*\), and \.\/c .* was given as bad and passes/,
    );
    expect(await said('--builds', bad, other, '--good', bad, '--bad', other)).to.include('both ends are bad: ./a');
    expect(await said('--builds', bad, other))
      .to.include('both ends are bad: ./a')
      .and.include('so does ./b');
    expect(await said('--builds', 'deb:trixie', good, '--good', good, '--bad', 'deb:trixie')).to.include(
      'both ends are good: deb:trixie (QEMU 10.0.x) was given as bad and passes 10 times of 10',
    );
    expect(await said('--builds', bad, good, '--machine', 'pc-q35-9.0')).to.match(
      /one end, \.\/\w .*, cannot be judged: --machine pc-q35-9\.0/,
    );
    expect(await said('--builds', bad, good, '--grep', 'nothing')).to.match(
      /cannot be judged: --grep nothing matches none/,
    );
    expect(await said('--builds', bad)).to.include('--builds ./a is one build; accepted: two or more');
    expect(await said('--builds', bad, good, '--good', good)).to.include(
      '--bad is not given; accepted: one of ./a, ./c',
    );
    expect(await said('--builds', bad, good, '--good', good, '--bad', './x')).to.include(
      '--bad ./x is none of the builds',
    );
    expect(await said('--builds', bad, good, '--repo', '.')).to.include('--builds and --repo are two searches');
    expect(await said('--good', good)).to.include('godwit bisect was not told what to search');
  });

  it('refuses an output folder that it cannot write, and one that holds another question', async () => {
    const list = ['--builds', await build('a', 'bookworm'), 'deb:trixie'];
    writeFileSync(sandbox.path('in-the-way'), '');
    const unwritable = await bisect(...list, '--output', 'in-the-way');
    expect(unwritable.exitCode).to.equal(2);
    expect(unwritable.stderr).to.include('--output in-the-way cannot be written');
    expect((await bisect(...list)).exitCode).to.equal(0);
    const other = await bisect(...list, '--grep', 'slot');
    expect(other.exitCode).to.equal(2);
    expect(other.stderr).to.include('answers another question: --grep is not given there and slot here');
    const fresh = await bisect(...list, '--grep', 'slot', '--fresh');
    expect(fresh.exitCode, fresh.stderr).to.equal(0);
  });
});
