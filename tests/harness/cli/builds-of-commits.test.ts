import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import type { ListedBuild } from '../../../harness/build/listing.js';
import { compileSettings } from '../../../harness/cli/options/compile-options.js';
import { packageRoot } from '../../../harness/core/package-root.js';
import { type Checkout, checkoutForEach } from '../build/git/checkout.js';

/** Runs `godwit builds WORDS` from the sources, in the environment of the checkout. */
async function builds(...words: string[]) {
  const script = `
    import { buildsCommand } from './harness/cli/builds.ts';
    await buildsCommand().parseAsync(${JSON.stringify(words)}, { from: 'user' }).catch((thrown) => {
      console.error(thrown.message);
      process.exitCode = thrown.code === 'usage' ? 2 : 3;
    });`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
  return execa(process.execPath, args, { cwd: packageRoot, reject: false });
}

async function listed(): Promise<ListedBuild[]> {
  const all = JSON.parse((await builds('list', '--json')).stdout) as ListedBuild[];
  return all.filter(({ name }) => name.startsWith('git:'));
}

/**
 * 1. `builds` compiles commits with the words that its options give, lists them by names that last, verifies and removes them.
 * 2. A commit that does not compile is listed with the reason, and removed with its log.
 */
describe('godwit builds, of commits', function () {
  this.timeout(60_000);
  let checkout: Checkout;
  checkoutForEach((made) => (checkout = made));

  it('are compiled as the options say, and listed by their commit', async () => {
    const commit = checkout.commit('hw/pci: a change').slice(0, 12);
    const options = ['--configure', "--enable-debug '--extra-cflags=-O1 -g'", '--target', 'ppc64'];
    const added = await builds('add', checkout.name(), ...options);
    expect(added).to.include({ exitCode: 0 });
    expect(added.stdout).to.match(new RegExp(`^${checkout.name()}: QEMU 7\\.2\\.\\d+ `));
    expect(added.stderr).to.include(`compiling ${checkout.name()} (${commit}): configure\n`);
    expect(checkout.flags[0]).to.match(/--enable-debug --extra-cflags=-O1 -g$/);
    expect((await listed()).map(({ name, arch }) => [name, arch])).to.deep.equal([
      [`git:${checkout.path}@${commit}:ppc64`, 'ppc64'],
      [`git:${checkout.path}@${commit}`, 'x86_64'],
    ]);
  });

  it('are verified and removed, by branch or by digits, also when the checkout is gone', async () => {
    const { binary } = await checkout.locate();
    await checkout.locate({ compile: { features: ['slirp'] } });
    const [first] = await listed();
    const name = first?.name ?? '';
    expect((await builds('verify')).stdout).to.equal(`${name}: as compiled\n${name}: as compiled`);
    appendFileSync(binary, '#');
    const verified = await builds('verify', checkout.name());
    expect(verified.exitCode).to.equal(1);
    expect(verified.stdout).to.include(`${binary} is not what was compiled`);

    const wrong = await builds('remove', name, checkout.name('nowhere'));
    expect(wrong).to.have.property('exitCode', 2);
    expect(checkout.cached).to.have.length(2);
    await execa('rm', ['-r', join(checkout.path, '.git')]);
    expect((await builds('remove', name)).stdout).to.equal(`${name}: removed`);
    expect(checkout.cached).to.deep.equal([]);
  });

  it('that do not compile are listed with the reason, and removed with the log', async () => {
    checkout.commitCompile('echo "a.c:1:1: error: no semicolon"; exit 1', 'breaks');
    const added = await builds('add', checkout.name());
    expect(added.exitCode).to.equal(3);
    expect(added.stderr).to.match(/does not compile \(ninja\): a\.c:1:1: error: no semicolon; the log is .*\.log$/);
    const [broken] = await listed();
    expect(broken?.fault).to.include('no semicolon');
    expect(broken?.package).to.match(/^[0-9a-f]{12} breaks$/);
    expect((await builds('list')).stdout).to.include('does not compile');
    expect(checkout.logs).to.have.length(1);
    await builds('remove', checkout.name());
    expect([checkout.cached, checkout.logs]).to.deep.equal([[], []]);
    expect(existsSync(checkout.path)).to.equal(true);
  });

  it('are compiled by the words of the options', () => {
    const words = {
      buildCommand: "make 'a b'",
      features: ['slirp,zstd', 'kvm'],
      firmware: 'deb:bookworm',
      target: ['arm'],
    };
    expect(compileSettings(words)).to.deep.equal({
      command: ['make', 'a b'],
      features: ['slirp', 'zstd', 'kvm'],
      firmware: 'deb:bookworm',
      targets: ['arm'],
    });
    expect(compileSettings({})).to.deep.equal({});
  });
});
