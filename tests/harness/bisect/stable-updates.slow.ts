import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Sandbox } from '../cli/sandbox.js';
import { gitIn, stableUpdates } from '../support/debian-source.js';

/** Five compiles of QEMU on a small machine, none of which a cache helps. */
const compilesMs = 60 * 60_000;
const slot = ['--grep', '^slot that the guest powered off', '--machine', 'pc-q35-6.0', '--firmware', 'deb:bookworm'];

/**
 * Debian's own QEMU 7.2 as a git repository, one commit for each stable update and a last one that changes one line in hw/pci/pcie.c.
 * 1. `godwit bisect` names that commit as the fix, compiles only what it must, and leaves the repository as it was.
 * 2. `godwit compare` of the two last commits says: fixes the slot cells, breaks nothing, stream unchanged.
 */
describe('the stable updates of QEMU 7.2', function () {
  this.timeout(2 * compilesMs);
  let sandbox: Sandbox;
  let repository: string;
  let fix: string;
  before(async () => {
    sandbox = new Sandbox(compilesMs);
    ({ repository, fix } = await stableUpdates(sandbox.path()));
  });
  after(() => sandbox[Symbol.dispose]());

  it('end with the commit that cures the slot, and bisect finds it', async () => {
    const git = gitIn(repository);
    const ends = ['--repo', repository, '--good', 'HEAD', '--bad', 'HEAD~23'];
    const { exitCode, stdout, stderr } = await sandbox.godwit('bisect', ...ends, ...slot);
    process.stdout.write(stdout);
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.include(fix.slice(0, 12)).and.include('presence of a card is no reason to refuse a slot');
    const told = JSON.parse(readFileSync(sandbox.path('godwit-bisect', 'bisect.json'), 'utf8')) as { steps: unknown[] };
    expect(told.steps).to.have.length.within(4, 8);
    expect(await git('status', '--porcelain')).to.equal('');
    expect((await git('worktree', 'list')).split('\n')).to.have.length(1);
  });

  it('and comparing the last two says what the patch does, and nothing else', async () => {
    const builds = ['--base', `git:${repository}@HEAD~1`, '--patched', `git:${repository}@HEAD`];
    const wanted = ['--expect-fix', '^slot that the guest powered off'];
    const { exitCode, stdout, stderr } = await sandbox.godwit('compare', ...builds, ...wanted, ...slot);
    process.stdout.write(stdout);
    expect(exitCode, stderr).to.equal(0);
    expect(stdout)
      .to.match(/breaks nothing/)
      .and.match(/stream unchanged/);
  });
});
