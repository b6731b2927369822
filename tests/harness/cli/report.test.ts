import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import tmp from 'tmp';
import { packageRoot } from '../../../harness/core/package-root.js';
import { finished, planned, result, started } from '../record/run.js';

const module = new URL('../../../harness/cli/report.js', import.meta.url).href;
const script = `
  import { reportCommand } from ${JSON.stringify(module)};
  reportCommand().parseAsync(process.argv.slice(1), { from: 'user' }).catch((error) => {
    console.error(error.message);
    process.exitCode = error.code === 'usage' ? 2 : 1;
  });`;

// 1. show replays a record as plain text and writes what is asked.  2. merge makes one run, with the folders of its cells.
// 3. What is no run, what is not empty and a folder outside its run are refused.
describe('cli/report', () => {
  let folder: tmp.DirResult;
  beforeEach(() => {
    folder = tmp.dirSync({ unsafeCleanup: true });
    shard('one', 'a', 'cells/a');
    shard('two', 'b', 'cells/a');
  });
  afterEach(() => folder.removeCallback());

  async function report(...args: string[]): Promise<{ exitCode: number | undefined; stdout: string; stderr: string }> {
    const node = ['--import', 'tsx', '--input-type=module', '-e', script, '--', ...args];
    // Node looks the loader up from the working directory.
    const options = { cwd: packageRoot, reject: false, env: { NO_COLOR: '1' } } as const;
    const { exitCode, stdout, stderr } = await execa(process.execPath, node, options);
    return { exitCode, stdout, stderr };
  }

  function at(...path: string[]): string {
    return join(folder.name, ...path);
  }

  function shard(name: string, cell: string, cellFolder: string): void {
    mkdirSync(at(name, 'cells', 'a'), { recursive: true });
    writeFileSync(at(name, 'cells', 'a', 'log'), `log of ${cell}`);
    const failed = result({ verdict: 'failed', reason: `${cell} was lost`, folder: cellFolder });
    const events = [started([planned(cell)]), finished(cell, failed)];
    writeFileSync(at(name, 'record.ndjson'), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  }

  it('shows a run again', async () => {
    const { exitCode, stdout } = await report('show', at('one'), '--reporter', 'terminal', 'junit');
    expect(exitCode).to.equal(0);
    expect(stdout)
      .to.include('a was lost')
      .and.include('0 passed, 0 known, 1 failed in 10 ms')
      .and.include(at('one', 'junit.xml'));
    expect(readdirSync(at('one'))).to.have.members(['cells', 'junit.xml', 'record.ndjson']);
  });

  it('merges shards into one run', async () => {
    const { exitCode, stdout, stderr } = await report('merge', at('one'), at('two'), '--output', at('whole'));
    expect(exitCode).to.equal(1);
    expect(stdout).to.include('0 passed, 0 known, 2 failed');
    expect(stderr).to.include(`${at('two', 'record.ndjson')} has no run-finished event`);
    expect(readdirSync(at('whole'))).to.have.members(['cells', 'junit.xml', 'record.ndjson', 'report.html']);
    expect(readFileSync(at('whole', 'cells', 'a', 'log'), 'utf8')).to.equal('log of a');
    expect(readFileSync(at('whole', 'cells', 'a~2', 'log'), 'utf8')).to.equal('log of b');
    expect(readFileSync(at('whole', 'record.ndjson'), 'utf8')).to.include('"folder":"cells/a~2"');
  });

  it('refuses what it cannot use', async () => {
    const missing = await report('show', at('nothing'));
    expect(missing).to.include({
      exitCode: 2,
      stdout: '',
      stderr: `${at('nothing')} holds no record.ndjson; expected the output folder of a run`,
    });
    const full = await report('merge', at('one'), '--output', at('two'));
    expect(full).to.include({
      exitCode: 2,
      stderr: `--output ${at('two')} is not empty; expected a new or empty folder`,
    });
    shard('three', 'c', '../one/cells');
    const outside = await report('merge', at('three'), '--output', at('whole'));
    expect(outside.exitCode).to.equal(2);
    expect(outside.stderr).to.include('names the folder "../one/cells"; expected one inside');
    expect(existsSync(at('whole', 'cells'))).to.equal(false);
  });
});
