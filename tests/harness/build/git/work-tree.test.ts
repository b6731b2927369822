import { lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { walk } from '../../../../harness/build/file-hashes.js';
import { type Checkout, checkoutForEach } from './checkout.js';

/** Everything of a checkout that is a user's: each file with its bytes and times, and what git says of it. */
async function everything(checkout: Checkout): Promise<Record<string, string>> {
  const status = checkout.git('status', '--porcelain=v2', '--branch', '--ignored');
  // Made by the first work tree, and empty again.
  const paths = (await walk(checkout.path)).filter((path) => path !== '.git/worktrees');
  const states = paths.map((path) => {
    const full = join(checkout.path, path);
    const stats = lstatSync(full);
    // What is written beside a folder's files shows in their list.
    const state = stats.isFile() ? `${stats.mtimeMs} ${stats.mode} ${readFileSync(full, 'base64')}` : 'folder';
    return [path, state] as const;
  });
  return { status, ...Object.fromEntries(states) };
}

/**
 * 1. A checkout is the same, byte for byte, whatever state it is in, whether the commit compiles or not.
 * 2. What is compiled is the commit, not what lies about; hooks are not run.
 * 3. Submodules and subprojects that the checkout has are there for the compile, as the commit wants them.
 */
describe('the work tree of a compile', function () {
  this.timeout(30_000);
  let checkout: Checkout;
  checkoutForEach((made) => (checkout = made));

  /** A repository beside the checkout, with one more commit whose file `version` says which. */
  function commitBeside(version: string): string {
    const path = checkout.beside('keycodemapdb');
    checkout.git('init', '--quiet', path);
    writeFileSync(join(path, 'version'), version);
    checkout.git('-C', path, 'add', '--all');
    checkout.git('-C', path, 'commit', '--quiet', '--message', version);
    return path;
  }

  async function expectUntouched(): Promise<void> {
    const before = await everything(checkout);
    const { binary } = await checkout.locate();
    expect(readFileSync(binary, 'utf8')).to.include('exec ');
    await checkout.failure({ compile: { command: ['sh', '-c', 'git clean -q; echo error: x; exit 1'] } });
    expect(await everything(checkout)).to.deep.equal(before);
  }

  it('leaves a dirty checkout as it is', async () => {
    checkout.write('.gitignore', 'ignored\n');
    checkout.commit('ignores');
    checkout.write('qemu.in', 'staged');
    checkout.git('add', 'qemu.in');
    checkout.write('qemu.in', 'staged, then changed');
    checkout.write('pc-bios/new.bin', 'untracked');
    checkout.write('ignored', 'ignored');
    rmSync(join(checkout.path, 'compile.sh'));
    checkout.write('.git/hooks/post-checkout', '#!/bin/sh\ntouch "$TALLY.hook"\nexit 1\n', 0o755);
    await expectUntouched();
  });

  it('leaves a checkout in the midst of a bisect as it is', async () => {
    const good = checkout.git('rev-parse', 'HEAD');
    for (const message of ['one', 'two', 'three', 'four']) checkout.commit(message);
    checkout.git('bisect', 'start', 'HEAD', good);
    await expectUntouched();
  });

  it('leaves a checkout in the midst of a merge as it is', async () => {
    checkout.git('checkout', '--quiet', '-b', 'theirs');
    checkout.write('file', 'theirs');
    checkout.commit('theirs');
    checkout.git('checkout', '--quiet', '-');
    checkout.write('file', 'ours');
    checkout.commit('ours');
    expect(() => checkout.git('merge', 'theirs')).to.throw();
    await expectUntouched();
  });

  it('has the submodules and subprojects of the checkout, as the commit wants them', async () => {
    const upstream = commitBeside('pinned');
    checkout.git('submodule', '--quiet', 'add', upstream, 'ui/keycodemapdb');
    checkout.write('.gitignore', '/subprojects/*/\n');
    checkout.write('subprojects/dtc.wrap', 'revision = 1');
    checkout.write('subprojects/slirp.wrap', 'revision = 1');
    checkout.commitCompile('cat ../ui/keycodemapdb/version; cat ../subprojects/*/name; cp ../qemu.in $1; chmod +x $1');
    checkout.git('tag', 'pinned');
    commitBeside('newer');
    checkout.git('-C', 'ui/keycodemapdb', 'pull', '--quiet');
    checkout.write('subprojects/slirp.wrap', 'revision = 2');
    checkout.commit('newer');
    checkout.write('subprojects/dtc/name', 'dtc\n');
    checkout.write('subprojects/slirp/name', 'slirp 2\n');
    const config = readFileSync(join(checkout.path, '.git/config'), 'utf8');
    const { binary } = await checkout.locate({}, 'pinned');
    const log = readFileSync(join(dirname(binary), '..', '..', 'compile.log'), 'utf8');
    expect(log.split('\n').slice(1)).to.deep.equal(['pinneddtc', '']);
    expect(checkout.flags[0]).to.include('--with-git-submodules=ignore');
    expect(readFileSync(join(checkout.path, '.git/config'), 'utf8')).to.equal(config);
  });

  it("leaves submodules that the checkout does not have to QEMU's configure", async () => {
    checkout.git('submodule', '--quiet', 'add', commitBeside('pinned'), 'ui/keycodemapdb');
    checkout.commit('submodule');
    checkout.git('submodule', '--quiet', 'deinit', '--force', '--all');
    await checkout.locate();
    expect(checkout.flags[0]).to.not.include('submodules');
  });
});
