import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect } from 'chai';
import tmp from 'tmp';
import { findOnPath } from '../../../harness/build/child.js';
import { Deadline } from '../../../harness/core/deadline.js';
import { BuildError, UsageError } from '../../../harness/core/errors.js';
import { standInConfig } from '../../../harness/vfio/stand-in/device.js';
import { standIn, standInObstacle } from '../../../harness/vfio/stand-in/library.js';
import { failure } from '../support/failure.js';
import { suite } from '../support/launchpad.js';
import { Sandbox } from '../cli/sandbox.js';

const deadline = Deadline.after(60_000);

/**
 * 1. However many ask at once, the library is compiled once; another compiler makes another.
 * 2. A host without a compiler, or with one that cannot compile it, has every such cell skipped, with one line that says why.
 * 3. What the compiler says is told in one line; a folder from which nothing can be preloaded is refused by name.
 * 4. A capability that does not fit is refused.
 */
describe('the library of the stand-in', () => {
  let folder: tmp.DirResult;
  const { PATH: path, XDG_CACHE_HOME: cache } = process.env;
  beforeEach(() => {
    folder = tmp.dirSync({ unsafeCleanup: true });
    mkdirSync(join(folder.name, 'bin'));
    process.env['XDG_CACHE_HOME'] = join(folder.name, 'cache');
  });
  afterEach(() => {
    process.env['PATH'] = path;
    if (cache === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = cache;
    folder.removeCallback();
  });

  /** Puts a compiler of our own in front of the host's. */
  function compiler(script: string): void {
    const file = join(folder.name, 'bin', 'cc');
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o700);
    process.env['PATH'] = [join(folder.name, 'bin'), path].join(delimiter);
  }

  it('is compiled once for all who ask, and anew for another compiler', async () => {
    const calls = join(folder.name, 'calls');
    const real = findOnPath('cc') ?? '';
    compiler(`echo "$*" >> ${calls}; exec ${real} "$@"`);
    const made = await Promise.all([standIn({ deadline }), standIn({ deadline }), standIn({ deadline })]);
    expect(new Set(made.map(({ library }) => library)).size).to.equal(1);
    const compiles = (): number => readFileSync(calls, 'utf8').match(/-shared/g)?.length ?? 0;
    expect(compiles()).to.equal(1);
    compiler(`echo "$*" >> ${calls}; [ "$1" = --version ] && echo another && exit; exec ${real} "$@"`);
    expect((await standIn({ deadline })).library).to.not.equal(made[0].library);
    expect(compiles()).to.equal(2);
  });

  it('says in one line what the compiler says', async () => {
    compiler('[ "$1" = --version ] || { echo "kernel.c:9:10: fatal error: linux/vfio.h: No such file" >&2; exit 1; }');
    const thrown = await failure(standIn({ deadline }));
    expect(thrown).to.be.instanceOf(BuildError);
    expect(thrown.message).to.equal(
      "the stand-in for the kernel's VFIO does not compile on this host: kernel.c:9:10: fatal error: linux/vfio.h: No such file",
    );
  });

  it('refuses a cache folder that nothing can be preloaded from', async () => {
    for (const name of ['my cache', 'my:cache']) {
      process.env['XDG_CACHE_HOME'] = join(folder.name, name);
      const thrown = await failure(standIn({ deadline }));
      expect(thrown).to.be.instanceOf(UsageError);
      expect(thrown.message).to.include(name).and.include('XDG_CACHE_HOME');
    }
  });

  it('cannot be where there is no compiler or no vfio-pci', async () => {
    process.env['XDG_CACHE_HOME'] = cache;
    const build = await suite('bookworm');
    expect(standInObstacle([build])).to.equal(undefined);
    const bare = { ...build, name: 'bare', probe: { ...build.probe, devices: [] } };
    expect(standInObstacle([build, bare])).to.equal('bare has no device vfio-pci');
    process.env['PATH'] = '';
    expect(standInObstacle([build])).to.match(/^the stand-in .* there is no C compiler \(cc\) on PATH$/);
    expect((await failure(standIn({ deadline }))).message).to.equal(standInObstacle([]));
  });

  it('has its cells skipped by a run without a compiler, or with one that cannot compile it', async () => {
    if (cache === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = cache;
    const complaint = 'kernel.c:9:10: fatal error: linux/vfio.h: No such file';
    const calls = join(folder.name, 'calls');
    const hosts = [
      [() => (process.env['PATH'] = ''), 'is compiled on this host, and there is no C compiler'],
      [
        () => compiler(`echo "$*" >> ${calls}; echo "${complaint}" >&2; exit 1`),
        `does not compile on this host: ${complaint}`,
      ],
    ] as const;
    for (const [spoil, reason] of hosts) {
      using sandbox = new Sandbox();
      const body = 'await journey.migrate();';
      const file = sandbox.scenario('s', { t: body, u: body }, 'vfio: () => ({ source: {}, destination: {} }),');
      spoil();
      const { exitCode, stdout } = await sandbox.run(file);
      process.env['PATH'] = path;
      expect(exitCode, stdout).to.equal(0);
      expect(sandbox.verdicts()).to.deep.equal(['skipped', 'skipped']);
      expect(stdout).to.include(`the stand-in for the kernel's VFIO ${reason}`);
    }
    expect(readFileSync(calls, 'utf8').split('\n')).to.have.length(2);
  });

  it('refuses a capability that does not fit', () => {
    expect(standInConfig({ vendorSpecific: Array.from({ length: 125 }, () => 1) })).to.have.length(256);
    expect(() => standInConfig({ vendorSpecific: Array.from({ length: 126 }, () => 1) })).to.throw(RangeError, /126/);
  });
});
