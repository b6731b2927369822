import { expect } from 'chai';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { forArchitecture, splitArchitecture } from '../../../harness/build/architecture.js';
import { namesFor } from '../../../harness/build/resolve.js';
import { PrivateFolder } from '../../../harness/machine/private-folder.js';

/**
 * 1. A name says its architecture as Debian's tools do, and x86_64 by saying none. 2. A suite and a commit are there for any architecture,
 * a build tree for those that it has a binary for, a binary for its own.
 */
describe('the architecture in a name', () => {
  it('is read and written', () => {
    expect(splitArchitecture('deb:bookworm')).to.deep.equal({ base: 'deb:bookworm' });
    expect(splitArchitecture('deb:bookworm:ppc64')).to.deep.equal({ base: 'deb:bookworm', arch: 'ppc64' });
    expect(splitArchitecture('git:.@v7.2.0:aarch64')).to.deep.equal({ base: 'git:.@v7.2.0', arch: 'aarch64' });
    expect(splitArchitecture('deb:arm')).to.deep.equal({ base: 'deb:arm' });
    expect(splitArchitecture(':arm')).to.deep.equal({ base: ':arm' });
    for (const name of ['deb:bookworm', 'git:.@HEAD', './build']) {
      expect(forArchitecture(name, 'x86_64')).to.equal(name);
      expect(forArchitecture(name, 'ppc64')).to.equal(`${name}:ppc64`);
      expect(forArchitecture(`${name}:aarch64`, 'ppc64')).to.equal(`${name}:aarch64`);
    }
  });

  it('makes of one name as many builds as there are', () => {
    const both = ['x86_64', 'ppc64'];
    expect(namesFor('deb:bookworm', both)).to.deep.equal({
      names: ['deb:bookworm', 'deb:bookworm:ppc64'],
      lacking: [],
    });
    expect(namesFor('git:.@HEAD', ['ppc64']).names).to.deep.equal(['git:.@HEAD:ppc64']);
    expect(namesFor('deb:bookworm:ppc64', both)).to.deep.equal({ names: ['deb:bookworm:ppc64'], lacking: [] });
    expect(namesFor('qemu-system-ppc64', both)).to.deep.equal({ names: ['qemu-system-ppc64'], lacking: [] });
  });

  it('finds in a build tree what is there', () => {
    using folder = PrivateFolder.create();
    const tree = join(folder.path, 'build');
    mkdirSync(tree);
    for (const arch of ['ppc64', 'aarch64']) {
      writeFileSync(join(tree, `qemu-system-${arch}`), '');
      chmodSync(join(tree, `qemu-system-${arch}`), 0o755);
    }
    const found = namesFor(tree, ['x86_64', 'aarch64', 'ppc64']);
    expect(found).to.deep.equal({ names: [`${tree}:aarch64`, `${tree}:ppc64`], lacking: ['x86_64'] });
    expect(namesFor(tree, ['x86_64'])).to.deep.equal({ names: [tree], lacking: ['x86_64'] });
    expect(namesFor(join(tree, 'qemu-system-ppc64'), ['x86_64']).names).to.deep.equal([
      join(tree, 'qemu-system-ppc64'),
    ]);
  });
});
