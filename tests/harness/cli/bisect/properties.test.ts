import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../../../../harness/core/package-root.js';
import { Sandbox } from '../sandbox.js';

const slotScenario = join(packageRoot, 'dist', 'tests', 'migration', 'slot-power-off.scenario.js');
const bridgeSupport = 'ICH9-LPC.acpi-pci-hotplug-with-bridge-support';

/** What a machine has of two properties that pc-q35-6.0 and 6.1 have different values of. */
const reads = `
  const read = async (type, property) => {
    const all = await journey.machine.qmp.execute('qom-list', { path: '/machine/unattached' });
    const { name } = all.find((one) => one.type === 'child<' + type + '>');
    return journey.machine.qmp.execute('qom-get', { path: '/machine/unattached/' + name, property });
  };
  const keyboard = await read('i8042', 'extended-state');
  const slots = await read('ICH9-LPC', 'acpi-pci-hotplug-with-bridge-support');
  await journey.migrate();`;

/**
 * 1. The slot scenario on 7.2.22, pc-q35-6.0 against 6.1: the property is named, with its values, where it comes from, and how to check it.
 * 2. Two properties that are needed together are both found; either machine type may be the one that fails; over a pair of builds too.
 * 3. Several scenarios are searched together: the properties of all.
 * 4. Where no property makes the difference, or the ends are not as said, that is what is told.
 */
describe('godwit bisect --properties', () => {
  let sandbox: Sandbox;
  beforeEach(() => (sandbox = new Sandbox()));
  afterEach(async () => {
    const left = await sandbox.leftovers(1000);
    sandbox[Symbol.dispose]();
    expect(left).to.deep.equal([]);
  });

  /** `godwit bisect --properties` between pc-q35-6.0 and 6.1, the one named failing. */
  function search(file: string, bad: '6.0' | '6.1', ...words: string[]) {
    const good = bad === '6.0' ? '6.1' : '6.0';
    const ends = ['--good', `pc-q35-${good}`, '--bad', `pc-q35-${bad}`];
    return sandbox.godwit('bisect', '--properties', file, ...ends, '--source', 'deb:bookworm', '--jobs', '1', ...words);
  }

  it('names the property of the slot scenario, and the words to check it with', async () => {
    const { exitCode, stdout, stderr } = await search(slotScenario, '6.0');
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.match(new RegExp(`^${bridgeSupport} makes the difference between pc-q35-6.0 and pc-q35-6.1`));
    expect(stdout)
      .to.include('off in pc-q35-6.0, on in pc-q35-6.1')
      .and.include('a compat property of pc-q35-6.0 alone, as QEMU 10.0')
      .and.include('pc-q35-6.1 with this one as in pc-q35-6.0 fails in the same way')
      .and.include('PDS (Presence Detect State)');
    expect(stderr).to.match(/^round \d+: \d+ properties left, \d+ cells so far$/m);
    expect(readFileSync(sandbox.path('godwit-bisect', 'bisect.txt'), 'utf8')).to.equal(`${stdout}\n`);
    const data = JSON.parse(readFileSync(sandbox.path('godwit-bisect', 'bisect.json'), 'utf8')) as { words: string[] };
    expect(data.words).to.deep.equal(['-global', `${bridgeSupport}=on`]);
    for (const file of ['report.html', 'junit.xml'])
      expect(existsSync(sandbox.path('godwit-bisect', file))).to.equal(true);
    expect(sandbox.end('godwit-bisect')).to.include({ interrupted: false });

    const run = ['run', slotScenario, '--source', 'deb:bookworm', '--machine', 'pc-q35-6.0', '--no-known'];
    const [as, changed] = await Promise.all([
      sandbox.godwit(...run, '--output', 'as'),
      sandbox.godwit(...run, '--output', 'changed', '--add', data.words.join(' ')),
    ]);
    expect([as.exitCode, changed.exitCode]).to.deep.equal([1, 0]);
  });

  it('finds two that are needed together, whichever machine type fails', async () => {
    const older = sandbox.scenario(
      'older',
      { older: `${reads} expect(keyboard && slots, 'both are on').to.equal(true);` },
      "machines: 'pc-q35-6.{0,1}',",
    );
    const newer = sandbox.scenario(
      'newer',
      { newer: `${reads} expect(keyboard || slots, 'one is on').to.equal(false);` },
      "machines: 'pc-q35-6.{0,1}',",
    );
    const [one, other] = await Promise.all([
      search(older, '6.0', '--destination', 'deb:trixie', '--output', 'one'),
      search(newer, '6.1', '--output', 'other'),
    ]);
    for (const { exitCode, stdout, stderr } of [one, other]) {
      expect(exitCode, stderr).to.equal(0);
      expect(stdout).to.match(new RegExp(`^i8042.extended-state and ${bridgeSupport} together make the difference`));
      expect(stdout).to.include('fails in the same way');
    }
  });

  it('searches several scenarios together, each with its own devices', async () => {
    const body = `const path = '/machine/peripheral/p';
      const native = await journey.machine.qmp.execute('qom-get', { path, property: 'x-native-hotplug' });
      await journey.migrate();
      expect(native, 'native hotplug').to.equal(false);`;
    const file = sandbox.scenario(
      'several',
      { plain: `${reads} expect(keyboard, 'keyboard').to.equal(true);` },
      "machines: 'pc-q35-6.{0,1}',",
    );
    const port = sandbox.scenario(
      'port',
      { port: body },
      "machines: 'pc-q35-6.{0,1}', devices: '-device pcie-root-port,id=p',",
    );
    const { exitCode, stdout, stderr } = await search(file, '6.0', port);
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.match(/^i8042.extended-state and pcie-root-port.x-native-hotplug together make/);
    expect(stdout).to.include('2 cells decided');
  });

  it('says that no property makes the difference, and lists those there are', async () => {
    const body = "await journey.migrate(); expect(journey.machineType).to.equal('pc-q35-6.1');";
    const file = sandbox.scenario('named', { named: body }, "machines: 'pc-q35-6.{0,1}',");
    const { exitCode, stdout } = await search(file, '6.0');
    expect(exitCode).to.equal(1);
    expect(stdout).to.match(
      /^no property makes the difference: with all \d+ that can be set, pc-q35-6.0 does not pass/,
    );
    expect(stdout).to.include(`  ${bridgeSupport}: off in pc-q35-6.0, on in pc-q35-6.1`);
  });

  it('finds one that makes the difference alone, where all of them are in the way of each other', async () => {
    const body = `${reads} const older = journey.machineType === 'pc-q35-6.0';
      expect(older && keyboard && slots, 'too much').to.equal(false);
      expect(slots, 'slots').to.equal(true);`;
    const file = sandbox.scenario('both', { both: body }, "machines: 'pc-q35-6.{0,1}',");
    const { exitCode, stdout } = await search(file, '6.0');
    expect(exitCode).to.equal(0);
    expect(stdout).to.match(new RegExp(`^${bridgeSupport} alone makes the difference: with all .* too much: expected`));
  });

  it('says what is wrong with the ends, exit 2, or with the host, exit 3', async () => {
    const all = "machines: 'pc-q35-*',";
    const passes = sandbox.scenario('passes', { passes: 'await journey.migrate();' }, all);
    const fails = sandbox.scenario('fails', { fails: "await journey.migrate(); expect(1, 'one').to.equal(2);" }, all);
    const breaks = sandbox.scenario('breaks', { breaks: 'journey.nothing();' }, all);
    const bisect = ['bisect', '--properties', slotScenario];
    const ends = await Promise.all([
      search(slotScenario, '6.1', '--output', '1'),
      search(passes, '6.0', '--output', '2'),
      search(fails, '6.0', '--output', '3'),
      search(breaks, '6.0', '--output', '4'),
      search(slotScenario, '6.0', '--grep', 'q35-6.0', '--output', '5'),
      sandbox.godwit(...bisect, '--good', 'pc-q35-6.1', '--source', 'deb:bookworm'),
      sandbox.godwit(...bisect, '--good', 'pc-q35-6.1', '--bad', 'pc-q35-6.1', '--source', 'deb:bookworm'),
      sandbox.godwit(...bisect, '--good', 'pc-q35-6.1', '--bad', 'pc-q35-9.9', '--source', 'deb:bookworm'),
      sandbox.godwit(...bisect, '--good', 'pc-q35-6.1', '--bad', 'pc-q35-6.0'),
    ]);
    expect(ends.map(({ exitCode }) => exitCode)).to.deep.equal([2, 2, 2, 3, 2, 2, 2, 2, 2]);
    const told = ends.map(({ stderr }) => stderr.trimEnd().split('\n').at(-1));
    expect(told[0]).to.equal('godwit: pc-q35-6.1 passes and pc-q35-6.0 fails: --good and --bad are swapped');
    expect(told[1]).to.equal('godwit: pc-q35-6.1 and pc-q35-6.0 both pass: nothing separates them');
    expect(told[2]).to.match(/both fail \(one: expected 1 to equal 2\): nothing separates them/);
    expect(told[3]).to.match(
      /pc-q35-6.0 cannot be judged on this host, also when it is asked again: .*journey.nothing is not a function/,
    );
    expect(told[4]).to.match(/--grep q35-6.0 matches none/);
    expect(told[5]).to.match(/needs two machine types/);
    expect(told[6]).to.match(/--good and --bad are both pc-q35-6.1/);
    expect(told[7]).to.match(/pc-q35-9.9 is no machine type/);
    expect(told[8]).to.match(/needs the build that has both machine types/);
  });

  it('ends in order when it is interrupted, also while it looks at machines of its own', async () => {
    for (const [output, moment] of [
      ['early', 'comparing'],
      ['late', 'round 3'],
    ] as const) {
      const ends = ['--good', 'pc-q35-6.1', '--bad', 'pc-q35-6.0', '--source', 'deb:bookworm', '--output', output];
      const running = sandbox.start('bisect', '--properties', slotScenario, ...ends);
      running.stderr.on('data', (chunk: Buffer) => {
        if (chunk.includes(moment)) running.kill('SIGINT');
      });
      const { exitCode, stderr } = await running;
      expect(exitCode, stderr).to.equal(130);
      expect(stderr).to.not.include('godwit:');
      expect(sandbox.end(output)).to.include({ interrupted: true });
    }
  });
});
