import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, watch, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect } from 'chai';
import tmp from 'tmp';
import { Deadline } from '../../../harness/core/deadline.js';
import { LogFile } from '../../../harness/machine/log-file.js';
import { PrivateFolder, SweptFolder } from '../../../harness/machine/private-folder.js';

const source = new URL('../../../harness/machine/private-folder.ts', import.meta.url).href;

/** Resolves when the path is gone; throws AbortError when it is not for five seconds. */
async function gone(path: string): Promise<void> {
  const watcher = watch(dirname(path));
  const signal = AbortSignal.timeout(5000);
  try {
    while (existsSync(path)) await once(watcher, 'change', { signal });
  } finally {
    watcher.close();
  }
}

/** Whether a process runs: one that has ended and that nobody has waited for does not. */
function runs(pid: number | undefined): boolean {
  const status = `/proc/${pid}/stat`;
  return existsSync(status) && !readFileSync(status, 'utf8').includes(') Z ');
}

/** A process that was killed runs on for a moment where the host is busy, and nobody but its parent is told of its end. */
async function ended(pid: number | undefined): Promise<boolean> {
  const deadline = Deadline.after(5000);
  while (runs(pid) && !deadline.passed) await new Promise((resolve) => setTimeout(resolve, 5));
  return !runs(pid);
}

/** Another process with a swept folder that has something in it, once it has done `act`. */
async function owner(act: string): Promise<{ child: ChildProcess; path: string; keeper: number }> {
  const script = `
    import { mkdirSync, writeFileSync } from 'node:fs';
    const { SweptFolder } = await import('${source}');
    const folder = SweptFolder.create();
    mkdirSync(folder.path + '/deep');
    writeFileSync(folder.path + '/deep/file', '');
    let keeper;
    ${act}
    console.log(JSON.stringify({ path: folder.path, keeper: keeper?.pid }));`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, ...(JSON.parse(said.toString()) as { path: string; keeper: number }) };
}

/**
 * 1. Folders are for this user alone, and gone with everything in them at every end, kill -9 among them.
 * 2. They keep no process alive.
 * 3. A log is on disk at once, and has a bound.
 */
describe('private folders', () => {
  it('are for this user alone, where they are wanted, and go with all that is in them', () => {
    const parent = tmp.dirSync({ unsafeCleanup: true });
    let path: string;
    {
      using folder = PrivateFolder.create(parent.name);
      ({ path } = folder);
      expect(dirname(path)).to.equal(parent.name);
      expect(statSync(path).mode & 0o777).to.equal(0o700);
      mkdirSync(join(path, 'a', 'b'), { recursive: true });
      writeFileSync(join(path, 'a', 'b', 'c'), '');
    }
    expect(existsSync(path)).to.equal(false);
    parent.removeCallback();
  });

  it('may be gone before', () => {
    const folder = PrivateFolder.create();
    rmSync(folder.path, { recursive: true });
    folder[Symbol.dispose]();
    folder[Symbol.dispose]();
    expect(existsSync(folder.path)).to.equal(false);
  });

  it('are swept after a process that was killed with its whole group', async () => {
    const { child, path } = await owner('setInterval(() => undefined, 1000);');
    expect(basename(path)).to.match(/^godwit-/);
    expect(existsSync(join(path, 'deep', 'file'))).to.equal(true);
    process.kill(-Number(child.pid), 'SIGKILL');
    await gone(path);
  });

  it('keep no process alive, and are swept after it', async () => {
    const { child, path } = await owner('');
    expect(await once(child, 'exit')).to.deep.equal([0, null]);
    await gone(path);
  });

  it('take the process groups with them that they were told to watch, and no others', async () => {
    const { child, path, keeper } = await owner(`
      const { spawn } = await import('node:child_process');
      const start = () => spawn('sleep', ['60'], { stdio: 'ignore', detached: true });
      const watched = start();
      folder.watchGroup(watched.pid);
      keeper = start();
      folder.watchGroup(keeper.pid);
      folder.forgetGroup(keeper.pid);
      mkdirSync(folder.path + '/' + watched.pid);
      setInterval(() => undefined, 1000);`);
    const watched = readdirSync(path)
      .map(Number)
      .find((pid) => pid > 0);
    child.kill('SIGKILL');
    await gone(path);
    try {
      expect(await ended(watched)).to.equal(true);
      expect(runs(keeper)).to.equal(true);
    } finally {
      process.kill(keeper, 'SIGKILL');
    }
  });

  it('are removed by their owner, without the sweeper', () => {
    const folder = SweptFolder.create();
    expect(statSync(folder.path).mode & 0o777).to.equal(0o700);
    folder[Symbol.dispose]();
    expect(existsSync(folder.path)).to.equal(false);
  });
});

describe('a log file', () => {
  let folder: PrivateFolder;

  beforeEach(() => {
    folder = PrivateFolder.create();
  });

  afterEach(() => folder[Symbol.dispose]());

  it('is on disk as soon as it is said, for this user alone', () => {
    using log = new LogFile(join(folder.path, 'log'));
    log.write('one\n');
    log.write(Buffer.from('two 🐦\n'));
    expect(log.read()).to.equal('one\ntwo 🐦\n');
    expect(statSync(log.path).mode & 0o777).to.equal(0o600);
  });

  it('has a bound, and says where it was cut', () => {
    using log = new LogFile(join(folder.path, 'log'));
    const chunk = Buffer.alloc(1_000_000, 'x');
    for (let round = 0; round < 10; round += 1) log.write(chunk);
    const text = log.read();
    expect(text.length).to.be.within(4 * 1024 * 1024, 4 * 1024 * 1024 + 100);
    expect(text).to.match(/x\n\[the log was cut here, after 4194304 bytes\]\n$/);
  });

  it('takes nothing after its end, and can still be read', () => {
    const log = new LogFile(join(folder.path, 'log'));
    log.write('one');
    log[Symbol.dispose]();
    log[Symbol.dispose]();
    log.write('two');
    expect(log.read()).to.equal('one');
  });
});
