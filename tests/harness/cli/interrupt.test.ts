import { expect } from 'chai';
import { Sandbox } from './sandbox.js';

/** Starts both QEMUs, says that it runs, and waits for ever. */
const waits = (marker: string) => `writeFileSync(${JSON.stringify(marker)}, ''); await new Promise(() => {});`;

/**
 * 1. Ctrl-C ends a run in order: exit 130, every cell in the record, nothing left.
 * 2. A run that is killed leaves nothing, and the death of a worker costs one attempt at one cell.
 */
describe('godwit run, in its midst', () => {
  let sandbox: Sandbox;
  beforeEach(() => (sandbox = new Sandbox()));
  afterEach(() => sandbox[Symbol.dispose]());

  async function started(body: string) {
    const file = sandbox.scenario('waits', { first: body, second: body, third: body });
    const run = sandbox.start('run', file, '--source', 'deb:trixie', '--jobs', '2');
    await sandbox.appearance('running');
    expect(
      sandbox.processes().some(({ commandLine }) => commandLine.includes('qemu-system')),
      'it runs',
    ).to.equal(true);
    // In an object: a promise that is returned would be awaited.
    return { run };
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`${signal}: exit 130 soon, and a record that is whole`, async () => {
      const { run } = await started(waits(sandbox.path('running')));
      const startedMs = performance.now();
      run.kill(signal);
      expect((await run).exitCode).to.equal(130);
      expect(performance.now() - startedMs).to.be.lessThan(15_000);
      expect(sandbox.end()).to.include({ exitStatus: 130, interrupted: true });
      expect(sandbox.finished().map(({ result }) => `${result.verdict}: ${result.reason}`)).to.deep.equal(
        Array.from({ length: 3 }, () => 'skipped: the run was interrupted'),
      );
      expect(await sandbox.leftovers(500)).to.deep.equal([]);
    });
  }

  it('SIGKILL: nothing is left, and the record can be read', async () => {
    const { run } = await started(waits(sandbox.path('running')));
    run.kill('SIGKILL');
    await run;
    expect(await sandbox.leftovers(2000)).to.deep.equal([]);
    const { exitCode, stdout } = await sandbox.godwit('report', 'show', 'godwit-out');
    expect(exitCode).to.equal(0);
    expect(stdout).to.include('never finished');
  });

  it('SIGKILL while a scenario never returns to the event loop: nothing is left', async () => {
    const marker = JSON.stringify(sandbox.path('running'));
    const { run } = await started(`writeFileSync(${marker}, ''); for (;;);`);
    run.kill('SIGKILL');
    await run;
    expect(await sandbox.leftovers(2000)).to.deep.equal([]);
  });

  it('a worker is killed: its cell runs again', async () => {
    const marker = sandbox.path('running');
    const body = `if (!existsSync(${JSON.stringify(marker)})) { ${waits(marker)} }`;
    const file = sandbox.scenario('dies', { first: body, second: '' });
    const run = sandbox.start('run', file, '--source', 'deb:trixie', '--jobs', '1');
    await sandbox.appearance('running');
    const worker = sandbox.processes().find(({ commandLine }) => /\/worker\.js\s*$/.test(commandLine));
    process.kill(worker?.pid ?? Number.NaN, 'SIGKILL');
    expect((await run).exitCode).to.equal(0);
    expect(
      sandbox.finished().map(({ cell, attempt, result }) => `${cell.split(' ')[0]} ${attempt} ${result.verdict}`),
    ).to.deep.equal(['first 1 broken', 'second 1 passed', 'first 2 passed']);
    expect(await sandbox.leftovers(500)).to.deep.equal([]);
  });
});
