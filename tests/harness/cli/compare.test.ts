import { parseXml } from '@rgrove/parse-xml';
import { expect } from 'chai';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Comparison } from '../../../harness/bisect/compare/comparison.js';
import { packageRoot } from '../../../harness/core/package-root.js';
import { type Suite, suite } from '../support/launchpad.js';
import { wrapperScript } from '../support/wrapper.js';
import { Sandbox } from './sandbox.js';

const slotScenario = join(packageRoot, 'dist', 'tests', 'migration', 'slot-power-off.scenario.js');
const slot = 'slot that the guest powered off [pc-q35-6.0]';
const completes = 'expect(await journey.migrate()).to.be.completed;';
const output = 'godwit-compare';

/**
 * 1. A patch that fixes the slot: said so, with the side that must be patched; the other way round it breaks it, exit 1.
 * 2. The same QEMU twice: nothing changes, in verdicts, streams and bytes.
 * 3. --expect-fix is met or said not to be.  4. What only one build can run appears or vanishes; what fails now and then is no break.
 * 5. Broken is exit 3, Ctrl-C is 130 with what is known, wrong words are 2; nothing is left but the output folder.
 */
describe('godwit compare', () => {
  let sandbox: Sandbox;
  beforeEach(() => (sandbox = new Sandbox()));
  afterEach(async () => {
    const left = await sandbox.leftovers(1000);
    sandbox[Symbol.dispose]();
    expect(left).to.deep.equal([]);
  });

  function compare(file: string, [base, patched]: [base: string, patched: string], ...words: string[]) {
    return sandbox.godwit('compare', file, '--base', base, '--patched', patched, '--jobs', '1', ...words);
  }

  function told(): Comparison {
    return JSON.parse(readFileSync(sandbox.path(output, 'compare.json'), 'utf8')) as Comparison;
  }

  /** FOLDER/qemu-system-x86_64, which is a suite's QEMU, with its words changed by some shell where that is given. */
  async function wrapper(folder: string, name: Suite, shell = ''): Promise<string> {
    const text = wrapperScript(await suite(name), { shell });
    mkdirSync(sandbox.path(folder), { recursive: true });
    writeFileSync(sandbox.path(folder, 'qemu-system-x86_64'), text, { mode: 0o755 });
    return `./${folder}`;
  }

  const suites: [string, string] = ['deb:bookworm', 'deb:trixie'];
  const machines = ['--machine', 'pc-q35-6.0', 'pc-q35-7.2'];

  it('says what a patch fixes, and writes the record and the reports', async () => {
    const { exitCode, stdout, stderr } = await compare(
      slotScenario,
      suites,
      ...[...machines, '--measure', '3', '--expect-fix', '^slot.*q35-6.0'],
    );
    expect(exitCode, stderr).to.equal(0);
    expect(stdout)
      .to.include(`fixes 1 cell:\n  ${slot}: passes where the destination is patched; it failed: Slot Status`)
      .and.include('breaks nothing')
      .and.include('globalstate: vm_was_suspended is added (2 cells)')
      .and.match(/bytes sent: [\d,]+ bytes → [\d,]+ bytes .* comes by chance in .* \(p = /)
      .and.match(/seed 0/)
      .and.include('--expect-fix ^slot.*q35-6.0: 1 cell went from failing to passing, as expected')
      .and.match(/^the patch fixes 1 cell, breaks nothing, stream of another shape$/m);
    expect(stderr)
      .to.match(/^step 1: 2 cells on four pairs, 8 runs…$/m)
      .and.match(/^step 2: pairs differ in 1 cell/m);
    for (const file of ['report.html', 'junit.xml', 'compare.txt'])
      expect(existsSync(sandbox.path(output, file)), file).to.equal(true);
    const page = readFileSync(sandbox.path(output, 'compare.html'), 'utf8');
    expect(parseXml(page.replace('<!DOCTYPE html>\n', '')).root?.text).to.include(slot);
    const comparison = told();
    const [fixed] = comparison.rows.filter(({ name }) => name === slot);
    expect(fixed?.judgement.fixes).to.deep.equal(['base → patched', 'patched → patched']);
    expect(fixed?.tallies['base → base']?.bad).to.be.at.least(5);
    for (const { files } of comparison.streams ?? [])
      expect(existsSync(sandbox.path(output, files?.base ?? '')), files?.base).to.equal(true);
    expect(sandbox.end(output)).to.include({ interrupted: false });
  });

  it('says what a patch breaks, exit 1, and what it does not fix', async () => {
    const words = [...machines, '--measure', '0', '--no-streams'];
    const worse: [string, string] = ['deb:trixie', 'deb:bookworm'];
    const [broken, unmet] = await Promise.all([
      compare(slotScenario, worse, ...words),
      compare(slotScenario, suites, ...words, '--expect-fix', 'q35-7.2', '--output', 'unmet'),
    ]);
    expect(broken.exitCode).to.equal(1);
    expect(broken.stdout)
      .to.include(`breaks 1 cell:\n  ${slot}: fails where the destination is patched: Slot Status`)
      .and.not.include('streams:');
    expect(unmet.exitCode).to.equal(1);
    expect(unmet.stdout)
      .to.include('breaks nothing')
      .and.include('1 of 1 cell did not go from failing to passing:')
      .and.include('it passes on base → base and it passes on patched → patched');
  });

  it('finds nothing between a QEMU and itself', async () => {
    const builds: [string, string] = [await wrapper('base', 'bookworm'), await wrapper('patched', 'bookworm', ':')];
    const { exitCode, stdout, stderr } = await compare(slotScenario, builds, ...machines, '--measure', '2');
    expect(exitCode, stderr).to.equal(0);
    expect(stdout)
      .to.include('fixes nothing\nbreaks nothing\nstays failing, 1 cell:')
      .and.include(`${slot}: in the same way: Slot Status`)
      .and.include('streams: unchanged in 2 cells')
      .and.match(/bytes sent: .*\(p = [01]\.\d\d\): no change beyond noise/)
      .and.match(/^the patch fixes nothing, breaks nothing, stream unchanged$/m);
    const cells = readdirSync(sandbox.path(output), { recursive: true, encoding: 'utf8' });
    expect(cells.filter((name) => name.endsWith('.mig'))).to.deep.equal([]);
    const unmet = await compare(slotScenario, builds, ...machines, '--measure', '0', '--expect-fix', 'q35-6.0');
    expect(unmet.exitCode).to.equal(1);
    expect(unmet.stdout).to.include('it fails on base → base and it fails on patched → patched');
  });

  it('sees a stream of another value that migrates all the same', async () => {
    const slower =
      'for word; do shift; case $word in *chassis=19*) word="$word,slot=7";; esac; set -- "$@" "$word"; done';
    const builds: [string, string] = [await wrapper('base', 'trixie'), await wrapper('patched', 'trixie', slower)];
    const { stdout } = await compare(slotScenario, builds, '--machine', 'pc-q35-7.2', '--measure', '0');
    expect(stdout).to.match(/streams: values change in 1 cell:\n {2}pcie-root-port: .*Slot Capabilities/);
  });

  it('tells what appears and what vanishes', async () => {
    const file = sandbox.scenario('types', {});
    writeFileSync(
      sandbox.path(file),
      `import { expect, scenario } from 'godwit';
       scenario('types', { machines: 'pc-q35-*', async body(journey) { ${completes} } });`,
    );
    const words = ['--machine', 'pc-q35-7.2', 'pc-q35-10.0', '--measure', '0', '--no-streams'];
    const more = await compare(file, suites, ...words);
    expect(more.exitCode, more.stderr).to.equal(0);
    expect(more.stdout).to.match(/^appears, 1 cell:\n {2}types \[pc-q35-10.0\]: .*no machine type.*it passes/m);
    const fewer = await compare(file, ['deb:trixie', 'deb:bookworm'], ...words);
    expect(fewer.exitCode).to.equal(0);
    expect(fewer.stdout).to.match(/^vanishes, 1 cell:/m);
  });

  it('does not blame the patch for what fails now and then', async () => {
    const tally = JSON.stringify(sandbox.path('tally'));
    const body = `const { appendFileSync, readFileSync } = await import('node:fs'); appendFileSync(${tally}, '.');
      expect(readFileSync(${tally}, 'utf8').length % 3, 'every third').to.not.equal(0); ${completes}`;
    const file = sandbox.scenario('now-and-then', { 'now and then': body });
    const words = ['--jobs', '1', '--measure', '0', '--no-streams'];
    const { exitCode, stdout } = await compare(file, suites, ...words);
    expect(exitCode, stdout).to.equal(0);
    expect(stdout).to.match(
      /^flaky, 1 cell:\n {2}now and then \[pc-q35-7.2\]: no more than chance \(fails in \d+ of 15/m,
    );
  });

  it('cannot judge what is broken, exit 3', async () => {
    const file = sandbox.scenario('broken', { broken: 'journey.nothing();' });
    const { exitCode, stdout } = await compare(file, suites, '--measure', '0', '--no-streams');
    expect(exitCode).to.equal(3);
    expect(stdout).to.match(/^could not be judged, 1 cell:\n.*journey.nothing is not a function/m);
  });

  it('SIGINT: exit 130, with what is known by then', async () => {
    const marker = JSON.stringify(sandbox.path('running'));
    const waits = `if (journey.route[0].name === 'deb:trixie') { writeFileSync(${marker}, ''); await new Promise(() => {}); } ${completes}`;
    const file = sandbox.scenario('waits', { waits });
    const words = ['--base', 'deb:bookworm', '--patched', 'deb:trixie', '--jobs', '1'];
    const run = sandbox.start('compare', file, ...words);
    await sandbox.appearance('running');
    run.kill('SIGINT');
    const { exitCode, stdout } = await run;
    expect(exitCode).to.equal(130);
    expect(stdout).to.include('interrupted: this is what was known by then').and.include('stays passing: 1 cell');
    expect(told()).to.include({ interrupted: true, exitStatus: 130 });
    expect(sandbox.end(output)).to.include({ exitStatus: 130, interrupted: true });
  });

  const refused: [words: string[], told: string][] = [
    [
      ['--base', 'deb:trixie', '--patched', 'deb:trixie'],
      '--base and --patched are both deb:trixie; accepted: two builds',
    ],
    [['--base', 'deb:trixie'], "required option '--patched <build>' not specified"],
    [['--base', 'deb:trixie', '--patched', './nowhere/qemu'], './nowhere/qemu'],
    [['--grep', 'nothing like it'], '--grep nothing like it matches none of 4 cells'],
    [['--expect-fix', 'nothing like it'], '--expect-fix nothing like it matches none of 4 cells'],
    [['--expect-fix', '('], '--expect-fix ( is no regular expression'],
    [['--measure', 'often'], "'often' is invalid"],
    [['--measure', '-1'], "'-1' is invalid"],
    [['--machine', 'pc-q35-99.0'], '--machine pc-q35-99.0 is no machine type'],
  ];
  for (const [words, sentence] of refused) {
    it(`refuses ${words.join(' ')}`, async () => {
      const file = sandbox.scenario('good', { good: completes });
      const builds = words.includes('--base') ? [] : ['--base', 'deb:bookworm', '--patched', 'deb:trixie'];
      const { exitCode, stdout, stderr } = await sandbox.godwit('compare', file, ...builds, ...words);
      expect(exitCode, stderr).to.equal(2);
      expect(stdout).to.equal('');
      expect(stderr).to.include(sentence).and.not.include('\n    at ');
      expect(existsSync(sandbox.path(output)), 'nothing is written').to.equal(false);
    });
  }
});
