import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import tmp from 'tmp';
import { holdLock } from '../../../harness/build/lock.js';
import { packageRoot } from '../../../harness/core/package-root.js';
import { Deadline } from '../../../harness/core/deadline.js';
import { BuildError } from '../../../harness/core/errors.js';

describe('the lock of a fetch', () => {
  let folder: tmp.DirResult;
  let path: string;

  beforeEach(() => {
    folder = tmp.dirSync({ unsafeCleanup: true });
    path = join(folder.name, 'lock');
  });

  afterEach(() => folder.removeCallback());

  it('is held by one at a time, and handed on when it is given back', async () => {
    await using first = await holdLock(path, { deadline: Deadline.after(10_000) });
    const order: string[] = [];
    let waits: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => (waits = resolve));
    const second = holdLock(path, { deadline: Deadline.after(10_000), onWait: () => waits() }).then(async (lock) => {
      order.push('second');
      await lock[Symbol.asyncDispose]();
    });
    await Promise.race([waiting, second]);
    order.push('first');
    await first[Symbol.asyncDispose]();
    await second;
    expect(order).to.deep.equal(['first', 'second']);
  });

  it('is free as soon as its holder is killed', async () => {
    const script = `
      import { holdLock } from './harness/build/lock.ts';
      import { Deadline } from './harness/core/deadline.ts';
      await holdLock(${JSON.stringify(path)}, { deadline: Deadline.after(30000) });
      console.log('held');
      setInterval(() => {}, 1000);`;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
    const holder = execa(process.execPath, args, { cwd: packageRoot, reject: false, buffer: false });
    await once(holder.stdout, 'data');
    let waited = false;
    const next = holdLock(path, {
      deadline: Deadline.after(10_000),
      onWait: () => {
        waited = true;
        holder.kill('SIGKILL');
      },
    });
    await (await next)[Symbol.asyncDispose]();
    await holder;
    expect(waited).to.equal(true);
  });

  it('is not waited for beyond the deadline, nor after an abort', async () => {
    await using _first = await holdLock(path, { deadline: Deadline.after(10_000) });
    const late: unknown = await holdLock(path, { deadline: Deadline.after(200) }).catch((error: unknown) => error);
    expect(late).to.be.instanceOf(BuildError).with.property('message').that.includes(path);
    const abort = new AbortController();
    const aborted = holdLock(path, {
      deadline: Deadline.after(10_000),
      signal: abort.signal,
      onWait: () => abort.abort(),
    });
    expect(await aborted.catch((error: unknown) => error)).to.equal(abort.signal.reason);
  });
});
