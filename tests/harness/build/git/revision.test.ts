import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { findCommit, parseGitName } from '../../../../harness/build/git/revision.js';
import { Deadline } from '../../../../harness/core/deadline.js';
import { UsageError } from '../../../../harness/core/errors.js';
import { Checkout, hasGit } from './checkout.js';

describe('git:DIR@REV', () => {
  it('is divided by the last @ that is not of a revision', () => {
    const names: [string, string, string][] = [
      ['git:/src/qemu@v10.0.0', '/src/qemu', 'v10.0.0'],
      ['git:/src/qemu', '/src/qemu', 'HEAD'],
      ['git:/src/qemu@', '/src/qemu', 'HEAD'],
      ['git:/src/q@emu@HEAD~2', '/src/q@emu', 'HEAD~2'],
      ['git:/src/qemu@HEAD@{1}', '/src/qemu', 'HEAD@{1}'],
      ['git:/src/qemu@@{upstream}', '/src/qemu', '@{upstream}'],
      ['git:/src/qemu@HEAD^{/by a@b}', '/src/qemu', 'HEAD^{/by a@b}'],
      ['git:.@HEAD', resolve('.'), 'HEAD'],
      ['git:~/qemu@HEAD', join(homedir(), 'qemu'), 'HEAD'],
    ];
    for (const [name, dir, revision] of names) expect(parseGitName(name), name).to.deep.equal({ dir, revision });
    for (const name of ['git:', 'git:@HEAD']) expect(() => parseGitName(name), name).to.throw(UsageError, name);
  });

  it('means a commit of the repository that it names, and of none that the environment names', async function () {
    if (!hasGit) this.skip();
    using checkout = await Checkout.create();
    using other = await Checkout.create();
    const first = checkout.git('rev-parse', 'HEAD');
    checkout.git('tag', '--annotate', '--message', 'v1', 'v1');
    const second = checkout.commit('second');
    other.commit('another repository');
    checkout.setEnvironment('GIT_DIR', join(other.path, '.git'));
    const options = { deadline: Deadline.after(10_000) };
    const commits: [string, string][] = [
      [checkout.name(), second],
      [checkout.name('v1'), first],
      [checkout.name('HEAD@{1}'), first],
      [checkout.name(first.slice(0, 9)), first],
      [`git:${join(checkout.path, 'pc-bios')}@HEAD`, second],
    ];
    for (const [name, commit] of commits) {
      expect(await findCommit(name, options), name).to.deep.equal({ repository: checkout.path, commit });
    }
  });

  it('is refused in one sentence where it means no commit', async function () {
    if (!hasGit) this.skip();
    using checkout = await Checkout.create();
    const blob = checkout.git('rev-parse', 'HEAD:configure');
    const wrong: [string, string][] = [
      [checkout.name('nowhere'), 'nowhere'],
      [checkout.name('--help'), '--help'],
      [checkout.name(blob), blob],
      [`git:${checkout.beside('empty')}@HEAD`, 'not a git repository'],
      ['git:/no/such/folder@HEAD', 'there is no folder'],
    ];
    for (const [name, words] of wrong) {
      const thrown: unknown = await findCommit(name, { deadline: Deadline.after(10_000) }).catch((e: unknown) => e);
      expect(thrown, name).to.be.instanceOf(UsageError);
      expect((thrown as UsageError).message)
        .to.include(name)
        .and.include(words)
        .and.not.include('\n');
    }
  });
});
