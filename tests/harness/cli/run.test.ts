import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { packageRoot } from '../../../harness/core/package-root.js';
import { Sandbox } from './sandbox.js';

const completes = 'expect(await journey.migrate()).to.be.completed.with.cleanLogs;';
const fails = 'expect(await journey.migrate()).to.not.be.completed;';
const slotScenario = join(packageRoot, 'tests', 'migration', 'slot-power-off.scenario.ts');
const slotCell = 'slot that the guest powered off [deb:bookworm → deb:bookworm, pc-q35-6.0]';

/**
 * 1. The exit status says passed, failed or broken; record and reports are there, with every cell.
 * 2. Known issues, retries, seeds, shards and plans do as they say; what is merged is what one run would have been.
 * 3. A scenario that takes its worker down is broken, and the run goes on.
 * 4. Nothing is left but the output folder.
 */
describe('godwit run', () => {
  let sandbox: Sandbox;
  beforeEach(() => (sandbox = new Sandbox()));
  afterEach(async () => {
    const left = await sandbox.leftovers(1000);
    sandbox[Symbol.dispose]();
    expect(left).to.deep.equal([]);
  });

  it('exits 0 when all passed, and writes the record and its reports', async () => {
    const file = sandbox.scenario('good', { one: completes, two: completes });
    const { exitCode, stdout, stderr } = await sandbox.run(file, '--jobs', '2');
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.include('2 passed, 0 known, 0 failed').and.include('junit.xml');
    expect(sandbox.verdicts()).to.deep.equal(['passed', 'passed']);
    expect(sandbox.end()).to.include({ exitStatus: 0, interrupted: false });
    expect(readFileSync(sandbox.path('godwit-out', 'junit.xml'), 'utf8').match(/<testcase /g)).to.have.length(2);
    expect(readFileSync(sandbox.path('godwit-out', 'report.html'), 'utf8')).to.include('one [deb:trixie');
    for (const { result } of sandbox.finished()) {
      expect(existsSync(sandbox.path('godwit-out', result.folder ?? '?', 'reproduce.sh'))).to.equal(true);
    }
  });

  it('exits 1 when one failed, 3 when one is broken', async () => {
    const failing = sandbox.scenario('bad', { good: completes, bad: fails });
    expect((await sandbox.run(failing)).exitCode).to.equal(1);
    expect(sandbox.verdicts()).to.have.members(['passed', 'failed']);
    const broken = sandbox.scenario('broken', { bad: fails, broken: 'journey.nothing();' });
    const { exitCode, stdout } = await sandbox.run(broken, '--output', 'other');
    expect(exitCode).to.equal(3);
    expect(stdout).to.include('journey.nothing is not a function');
    expect(sandbox.verdicts('other').sort()).to.deep.equal(['broken', 'broken', 'failed']);
  });

  it('judges a known issue, and without it names the device, exit 1', async () => {
    const words = ['run', slotScenario, '--source', 'deb:bookworm', '--machine', 'pc-q35-6.0', 'pc-q35-7.2'];
    const [known, unknown] = await Promise.all([
      sandbox.godwit(...words),
      sandbox.godwit(...words, '--no-known', '--output', 'unknown'),
    ]);
    expect(known.exitCode, known.stderr).to.equal(0);
    expect(known.stdout)
      .to.include('1 passed, 1 known, 0 failed')
      .and.match(/Slot Status.*PDS/);
    expect(unknown.exitCode).to.equal(1);
    expect(unknown.stdout).to.include('1 passed, 0 known, 1 failed').and.include('pcie-root-port18');
  });

  it('tries a failed cell again: flaky, exit 0', async () => {
    const marker = JSON.stringify(sandbox.path('marker'));
    const body = `const again = existsSync(${marker}); writeFileSync(${marker}, ''); if (again) { ${completes} } else { ${fails} }`;
    const { exitCode, stdout } = await sandbox.run(sandbox.scenario('flaky', { flaky: body }), '--retries', '1');
    expect(exitCode).to.equal(0);
    expect(stdout).to.match(/\bflaky\b/);
    expect(sandbox.finished().map(({ attempt, retried, result }) => [attempt, retried, result.verdict])).to.deep.equal([
      [1, true, 'failed'],
      [2, false, 'passed'],
    ]);
  });

  it('prints a plan and runs nothing; a seed shuffles it; a reader may stop early', async () => {
    const titles = ['a', 'b', 'c', 'd', 'e', 'f'];
    const file = sandbox.scenario('many', Object.fromEntries(titles.map((title) => [title, fails])));
    const order = async (...words: string[]) => {
      const { exitCode, stdout, stderr } = await sandbox.run(file, '--plan', ...words);
      expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' });
      return stdout.split('\n').map((line) => line.replace(' [deb:trixie → deb:trixie, pc-q35-7.2]', ''));
    };
    const [usual, shuffled, again] = await Promise.all([order(), order('--seed', '5'), order('--seed', '5')]);
    expect(usual).to.deep.equal(titles);
    expect(shuffled).to.have.members(titles).and.not.deep.equal(titles);
    expect(again).to.deep.equal(shuffled);
    expect(existsSync(sandbox.path('godwit-out'))).to.equal(false);

    const process = sandbox.start('run', file, '--source', 'deb:trixie');
    process.stdout.once('data', () => process.stdout.destroy());
    expect((await process).exitCode).to.equal(1);
    expect(sandbox.verdicts()).to.have.length(6);
    expect(sandbox.end()).to.include({ exitStatus: 1 });
  });

  it('runs in shards that merge into the whole', async () => {
    const file = sandbox.scenario('many', { a: completes, b: fails, c: completes });
    const [first, second] = await Promise.all([
      sandbox.run(file, '--shard', '1/2', '--output', 'first'),
      sandbox.run(file, '--shard', '2/2', '--output', 'second'),
    ]);
    expect([first.exitCode, second.exitCode]).to.deep.equal([0, 1]);
    const merged = await sandbox.godwit('report', 'merge', 'first', 'second', '--output', 'whole');
    expect(merged.exitCode, merged.stderr).to.equal(1);
    expect(merged.stdout).to.include('2 passed, 0 known, 1 failed');
    const of = (output: string) =>
      sandbox.finished(output).map(({ cell, result }) => `${cell.slice(0, 1)} ${result.verdict}`);
    expect(of('whole')).to.have.members(['a passed', 'b failed', 'c passed']);
    expect([...of('first'), ...of('second')]).to.have.members(of('whole'));
  });

  it('goes on when a scenario ends its worker, and says which cell did', async () => {
    const file = sandbox.scenario('deadly', {
      exits: 'process.exit(7);',
      killed: "process.kill(process.pid, 'SIGKILL'); await new Promise(() => {});",
      good: completes,
    });
    const { exitCode, stdout } = await sandbox.run(file, '--jobs', '1');
    expect(exitCode).to.equal(3);
    const told = sandbox.finished().map(({ cell, attempt, result }) => {
      return `${cell.split(' [')[0]} ${attempt} ${result.verdict} ${result.reason}`;
    });
    expect(told).to.have.members([
      'exits 1 broken the worker process exited with status 7',
      'exits 2 broken the worker process exited with status 7',
      'killed 1 broken the worker process was ended by SIGKILL',
      'killed 2 broken the worker process was ended by SIGKILL',
      'good 1 passed ',
    ]);
    expect(stdout).to.include('exits [deb:trixie');
    expect(readFileSync(sandbox.path('godwit-out', 'junit.xml'), 'utf8').match(/<testcase /g)).to.have.length(3);
  });

  it('loads TypeScript from a folder that is no module', async () => {
    writeFileSync(sandbox.path('package.json'), '{}');
    const text = `import { expect, scenario, type Journey } from 'godwit';
      scenario('typed', { machines: 'pc-q35-7.2', async body({ migrate }: Journey) { ${completes.replace('journey.', '')} } });`;
    writeFileSync(sandbox.path('typed.scenario.ts'), text);
    const { exitCode, stderr } = await sandbox.run('.');
    expect(exitCode, stderr).to.equal(0);
  });
});

describe('godwit repro', () => {
  it('runs one cell, and leaves a script that does the same without Godwit', async () => {
    using sandbox = new Sandbox();
    for (const _ of ['once', 'again']) {
      const { exitCode, stdout, stderr } = await sandbox.godwit('repro', slotCell, '--scenarios', slotScenario);
      expect(exitCode, stderr).to.equal(0);
      expect(stdout).to.match(/^known: slot-presence-detect-state.*\ngodwit-repro\/reproduce\.sh does the same/);
    }
    const log = readFileSync(sandbox.path('godwit-repro', 'destination.stderr'), 'utf8');
    expect(log.match(/i=0x6e read: 18 device: 40/g), 'one run alone').to.have.length(1);
    const { stdout } = await execa('bash', [sandbox.path('godwit-repro', 'reproduce.sh')], { timeout: 20_000 });
    expect(stdout).to.include('i=0x6e read: 18 device: 40');
    expect(await sandbox.leftovers(1000)).to.deep.equal([]);
  });
});
