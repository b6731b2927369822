import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { type Ended, Sandbox } from './sandbox.js';

const completes = 'expect(await journey.migrate()).to.be.completed;';

/** Bad input: exit 2, one sentence that names the value and what is accepted, and nothing started or written. */
describe('godwit, given what it cannot use', () => {
  let sandbox: Sandbox;
  before(() => {
    sandbox = new Sandbox();
    sandbox.scenario('good', { good: completes });
    sandbox.scenario('throws', {}, '');
    writeFileSync(sandbox.path('throws.scenario.js'), "throw new Error('out of ideas');");
    sandbox.scenario('twin', { twin: completes });
    sandbox.scenario('twin2', { twin: completes });
    sandbox.scenario('device', { device: completes }, "devices: '-device no-such-device,id=x',");
    writeFileSync(sandbox.path('no-qemu'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    writeFileSync(sandbox.path('in-the-way'), '');
    mkdirSync(sandbox.path('empty'));
  });
  after(() => sandbox[Symbol.dispose]());

  function check({ exitCode, stdout, stderr }: Ended, ...wanted: (string | RegExp)[]): void {
    expect(exitCode, stderr).to.equal(2);
    expect(stdout).to.equal('');
    // What had to be looked at to know comes before: "probing ./qemu".
    const sentence =
      stderr
        .trim()
        .split(/^(?:probing|fetching|deb:\S+:) .*\n/m)
        .at(-1) ?? '';
    expect(sentence.split('\n'), stderr).to.have.length(1);
    expect(sentence).to.match(/^(godwit|error): /);
    expect(sentence).to.not.include('\n    at ');
    for (const words of wanted)
      expect(sentence).to.match(typeof words === 'string' ? new RegExp(escape(words)) : words);
    expect(existsSync(sandbox.path('godwit-out')), 'nothing is written').to.equal(false);
  }

  const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

  /** Words after `run good.scenario.js --source deb:trixie`, and what is to be said of them. */
  const ofRun: [words: string[], ...told: (string | RegExp)[]][] = [
    [['--machine', 'pc-q35-99.0'], '--machine pc-q35-99.0 is no machine type of deb:trixie', 'godwit machines'],
    [['--machine', 'pc-q35-99.*'], 'pc-q35-99.*', 'no machine type'],
    [['--machine', 'pc-i440fx-7.2'], '--machine pc-i440fx-7.2 leaves none'],
    [['--machine', 'q35'], '--machine q35 is an alias', 'pc-q35-10.0'],
    [['--grep', 'nothing like it'], '--grep nothing like it matches none of 1 cells'],
    [['--grep', '('], '--grep ( is no regular expression'],
    [['--shard', '3/2'], '--shard 3/2', 'accepted: I/N with I from 1 to N'],
    [['--shard', '0/2'], '--shard 0/2', 'accepted: I/N'],
    [['--shard', 'x'], '--shard x', 'accepted: I/N'],
    [['--jobs', '0'], '--jobs 0', 'accepted: 1 to 256, or auto'],
    [['--retries', '-1'], "'-1' is invalid", 'accepted: a whole number from 0 on'],
    [['--seed', 'x'], "'x' is invalid", 'accepted: a whole number'],
    [['--pairs', 'sideways'], "'sideways' is invalid", 'same, forward, backward, all'],
    [['--accel', 'xen'], "'xen' is invalid", 'auto, tcg, kvm'],
    [['--output', 'in-the-way'], '--output in-the-way cannot be written'],
    [['--output', 'in-the-way/below'], '--output in-the-way/below cannot be written'],
    [['--reporter', 'loud'], '"loud"', 'accepted: terminal, html, junit, github'],
    [['--noisy'], "unknown option '--noisy'"],
  ];

  const ofSource: typeof ofRun = [
    [['no-such-build'], 'no build "no-such-build"', 'accepted are deb:SUITE'],
    [['deb:no-such-suite'], 'no-such-suite'],
    [['./no-qemu'], './no-qemu', 'accepted are deb:SUITE'],
    [['./nowhere/qemu'], './nowhere/qemu', 'accepted are deb:SUITE'],
    [['./empty'], 'empty', 'no QEMU build tree'],
  ];

  const ofFiles: typeof ofRun = [
    [['throws.scenario.js'], "'throws.scenario.js' throws while it is loaded: out of ideas"],
    [['twin.scenario.js', 'twin2.scenario.js'], "'twin' is declared in twin.scenario.js and in twin2.scenario.js"],
    [['nowhere.scenario.js'], "no scenario file or folder 'nowhere.scenario.js'"],
    [['empty'], "'empty' holds no scenario file", '.scenario.ts'],
    [['device.scenario.js'], "has no device 'no-such-device', which 'device' plugs in", 'accepted: '],
  ];
  const commands = [
    ...ofRun.map(([words, ...told]) => ({ words: ['good.scenario.js', '--source', 'deb:trixie', ...words], told })),
    ...ofSource.map(([words, ...told]) => ({ words: ['good.scenario.js', '--source', ...words], told })),
    ...ofFiles.map(([words, ...told]) => ({ words: [...words, '--source', 'deb:trixie'], told })),
  ];
  const ended = new Map<string, Ended>();

  // One after another they take twice the time.
  before(async function () {
    this.timeout(120_000);
    const waiting = commands.map(({ words }) => words);
    const lane = async (): Promise<void> => {
      for (let words = waiting.shift(); words; words = waiting.shift())
        ended.set(words.join(' '), await sandbox.godwit('run', ...words));
    };
    await Promise.all([lane(), lane(), lane()]);
  });

  for (const { words, told } of commands) {
    it(`run ${words.join(' ')}`, () => {
      const result = ended.get(words.join(' '));
      if (!result) throw new Error('it was not run');
      check(result, ...told);
    });
  }

  it('an unknown command, none, and help', async () => {
    check(await sandbox.godwit('fly'), "unknown command 'fly'");
    const help = await sandbox.godwit('--help');
    expect(help.exitCode).to.equal(0);
    expect(help.stdout).to.include('run').and.include('repro').and.include('builds');
    expect((await sandbox.godwit()).exitCode).to.equal(2);
  });

  it('repro with an id that no cell has', async () => {
    check(
      await sandbox.godwit('repro', 'no id'),
      "'no id' is no id of a cell",
      'scenario [build → build, machine type]',
    );
    const unknown = 'unknown [deb:trixie → deb:trixie, pc-q35-7.2]';
    check(
      await sandbox.godwit('repro', unknown, '--scenarios', 'good.scenario.js'),
      `no scenario makes the cell '${unknown}'`,
    );
    check(
      await sandbox.godwit('repro', 'good [deb:trixie → deb:trixie, pc-q35-99]', '--scenarios', 'good.scenario.js'),
      'pc-q35-99',
    );
    check(await sandbox.godwit('repro', 'good [deb:trixie]', '--scenarios', 'good.scenario.js'), "--machine ''");
    expect(existsSync(sandbox.path('godwit-repro'))).to.equal(false);
  });

  it('leaves everything as it was', async () => {
    expect(await sandbox.leftovers(500)).to.deep.equal([]);
    expect(readFileSync(sandbox.path('in-the-way'), 'utf8')).to.equal('');
  });
});
