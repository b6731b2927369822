import { expect } from 'chai';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from '../support/launchpad.js';
import { wrapperScript } from '../support/wrapper.js';
import { Sandbox } from './sandbox.js';

/**
 * 1. A build is resolved for the architecture of every machine that the scenarios have, and a cell's id says which; `--machine`, `--grep`
 * and the name narrow it. 2. A tree that lacks one of them leaves its cells out, with a line that says so; one that has none of them, and
 * a binary for other guests, are wrong words. 3. `repro` finds the build that a cell's id names. 4. A kernel is for the cells of its architecture.
 */
describe('builds of several architectures', () => {
  let sandbox: Sandbox;
  let file: string;
  beforeEach(() => {
    sandbox = new Sandbox();
    file = 'two.scenario.js';
    writeFileSync(
      sandbox.path(file),
      `import { expect, scenario } from 'godwit';
      for (const machines of ['pc-q35-7.2', 'virt-7.2'])
        scenario('on ' + machines.slice(0, -4), { machines, oracle: false, async body({ machine, migrate }) {
          const { arch } = await machine.qmp.execute('query-target');
          expect(await migrate()).to.be.completed;
          expect(arch).to.equal(machines.startsWith('virt') ? 'aarch64' : 'x86_64');
        } });`,
    );
  });
  afterEach(() => sandbox[Symbol.dispose]());

  const plan = (...words: string[]) => sandbox.godwit('run', file, '--plan', ...words);

  it('run what their machines are of', async () => {
    const ended = await sandbox.godwit('run', file, '--source', 'deb:bookworm');
    expect(ended.exitCode, ended.stdout + ended.stderr).to.equal(0);
    expect(ended.stdout).to.include('deb:bookworm:aarch64 is QEMU 7.2.');
    expect(ended.stdout).to.include('2 passed, 0 known, 0 failed');
  });

  it('are narrowed by machine, by title and by name', async () => {
    const virt = 'on virt [deb:bookworm:aarch64 → deb:bookworm:aarch64, virt-7.2]';
    const q35 = 'on pc-q35 [deb:bookworm → deb:bookworm, pc-q35-7.2]';
    expect((await plan('--source', 'deb:bookworm')).stdout).to.equal(`${q35}\n${virt}`);
    expect((await plan('--source', 'deb:bookworm', '--machine', 'virt-*')).stdout).to.equal(virt);
    expect((await plan('--source', 'deb:bookworm', '--grep', '^on virt')).stdout).to.equal(virt);
    expect((await plan('--source', 'deb:bookworm:aarch64')).stdout).to.equal(virt);
  });

  it('are left out where a tree has none, and refused where nothing is left', async () => {
    mkdirSync(sandbox.path('tree'));
    writeFileSync(sandbox.path('tree', 'qemu-system-x86_64'), wrapperScript(await suite('bookworm')), { mode: 0o755 });
    const some = await plan('--source', './tree');
    expect(some.stdout, some.stderr).to.equal('on pc-q35 [./tree → ./tree, pc-q35-7.2]');
    expect(some.stderr).to.include('./tree: cells of aarch64 are left out');
    const none = await plan('--source', './tree', '--machine', 'virt-7.2');
    expect(none.exitCode).to.equal(2);
    expect(none.stderr).to.include('"./tree" has no qemu-system-aarch64; it has: qemu-system-x86_64');
    const other = await plan('--source', './tree/qemu-system-x86_64', '--machine', 'virt-7.2');
    expect(other.exitCode).to.equal(2);
    expect(other.stderr).to.include(
      './tree/qemu-system-x86_64 is for x86_64, and the scenarios chosen are for aarch64',
    );
  });

  it('are refused by a word that is no architecture, or not that of a binary', async () => {
    const arm = await plan('--source', 'deb:bookworm:arm64');
    expect(arm.exitCode).to.equal(2);
    expect(arm.stderr).to.include('"arm64" is no architecture as in qemu-system-ARCH; accepted are ');
    writeFileSync(sandbox.path('qemu-system-x86_64'), wrapperScript(await suite('bookworm')), { mode: 0o755 });
    const said = await plan('--source', './qemu-system-x86_64:aarch64');
    expect(said.exitCode).to.equal(2);
    expect(said.stderr).to.include('says an architecture of one binary, which has its own: write ./qemu-system-x86_64');
    const both = await plan('--source', './qemu-system-x86_64', '--destination', 'deb:bookworm:aarch64');
    expect(both.exitCode).to.equal(2);
    expect(both.stderr).to.include('(x86_64), deb:bookworm:aarch64 (aarch64), and a pair is of one architecture');
  });

  it('leave out the guests that the kernel of the user is not for', async () => {
    const image = Buffer.alloc(0x400);
    image.write('HdrS', 0x202);
    writeFileSync(sandbox.path('bzImage'), image);
    const linux = sandbox.path(file);
    writeFileSync(linux, readFileSync(linux, 'utf8').replace('oracle: false,', "guest: 'linux',"));
    const both = await plan('--source', 'deb:bookworm', '--kernel', 'bzImage');
    expect(both.stdout, both.stderr).to.equal(
      'on pc-q35 [deb:bookworm → deb:bookworm, pc-q35-7.2]\n' +
        'on virt [deb:bookworm:aarch64 → deb:bookworm:aarch64, virt-7.2] ' +
        'skipped: --kernel bzImage is for x86_64, and the guest is for aarch64',
    );
    const none = await plan('--source', 'deb:bookworm:aarch64', '--kernel', 'bzImage');
    expect(none.exitCode).to.equal(2);
    expect(none.stderr).to.include('--kernel bzImage is for x86_64, and the guest is for aarch64');
  });

  it('are found again by the id of a cell', async () => {
    const id = 'on virt [deb:bookworm:aarch64 → deb:bookworm:aarch64, virt-7.2]';
    const ended = await sandbox.godwit('repro', id, '--scenarios', file);
    expect(ended.stdout, ended.stderr).to.match(/^passed\n/);
  });
});
