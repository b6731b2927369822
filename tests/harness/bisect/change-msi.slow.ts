import { expect } from 'chai';
import { Sandbox } from '../cli/sandbox.js';
import { brokenChangeMsi } from '../support/debian-source.js';

/** Two compiles of QEMU on a small machine, none of which a cache helps. */
const compilesMs = 30 * 60_000;

/**
 * A patch to QEMU's pseries machine that brings the bug of seed 001 back, judged before it goes in. 1. `godwit compare` compiles commits for the
 * architecture of the scenarios, and tells the calls that answer wrongly and the migrations that fail, with Status and its bit. 2. What
 * devices with MSI of their own are answered stays as it was.
 */
describe('a patch that breaks ibm,change-msi', function () {
  this.timeout(2 * compilesMs);
  let sandbox: Sandbox;
  before(() => (sandbox = new Sandbox(compilesMs)));
  after(() => sandbox[Symbol.dispose]());

  it('is found out by the scenarios of pseries', async () => {
    const { repository } = await brokenChangeMsi(sandbox.path());
    const builds = ['--base', `git:${repository}@HEAD~1`, '--patched', `git:${repository}@HEAD`];
    const cells = ['--grep', '^pseries: seed 001, (ibm|a migration)', '--machine', 'pseries-{5.2,7.2}'];
    const more = ['--firmware', 'deb:bookworm', '--measure', '0', '--no-streams'];
    const { exitCode, stdout, stderr } = await sandbox.godwit('compare', ...builds, ...cells, ...more);
    process.stdout.write(stdout);
    expect(exitCode, stderr).to.equal(1);
    expect(stdout).to.match(/^the patch fixes nothing, breaks \d+ cells$/m);
    expect(stdout)
      .to.include('virtio-net')
      .and.to.match(/Status .*Capabilities List/);
  });
});
