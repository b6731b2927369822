import { appendFileSync, cpSync, readFileSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { BuildError } from '../../../../harness/core/errors.js';
import { type Checkout, checkoutForEach } from './checkout.js';

/**
 * 1. A compiled commit whose files were changed, or are gone, is noticed, named, and compiled again where that is allowed.
 * 2. A cache that was copied, so that only times and inodes differ, is good, and is looked at once.
 */
describe('the cache of commits', () => {
  let checkout: Checkout;
  let root: string;

  checkoutForEach((made) => (checkout = made));

  beforeEach(async () => {
    const { binary } = await checkout.locate();
    root = join(dirname(binary), '..');
    checkout.said.length = 0;
  });

  const tamperings: [string, string, (path: string) => void][] = [
    ['a binary that was changed', 'bin/qemu-system-x86_64', (path) => appendFileSync(path, '#')],
    ['firmware that is gone', 'share/qemu/bios.bin', (path) => rmSync(path)],
    [
      'firmware that was changed with its size and time kept',
      'share/qemu/bios.bin',
      (path) => {
        const { length } = readFileSync(path);
        cpSync(path, `${path}.kept`, { preserveTimestamps: true });
        rmSync(path);
        appendFileSync(path, 'x'.repeat(length));
        utimesSync(path, 1, 1);
        rmSync(`${path}.kept`);
      },
    ],
  ];
  for (const [what, file, tamper] of tamperings) {
    it(`notices ${what}, and mends it where it may`, async () => {
      tamper(join(root, file));
      const thrown = await checkout.failure({ fetch: false });
      expect(thrown).to.be.instanceOf(BuildError).with.property('message').that.includes(join(root, file));
      expect(thrown).to.have.property('message').that.includes(`godwit builds add ${checkout.name()}`);
      expect(checkout.compiles).to.have.length(1);
      await checkout.locate();
      expect(checkout.said[0]).to.include('was changed in the cache').and.include(join(root, file));
      expect(checkout.compiles).to.have.length(2);
      await checkout.locate({ fetch: false });
    });
  }

  it('is good when it was copied, and is hashed but once then', async () => {
    const folder = join(root, '..');
    cpSync(folder, `${folder}.copy`, { recursive: true });
    rmSync(folder, { recursive: true });
    renameSync(`${folder}.copy`, folder);
    const inode = (): unknown =>
      (JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { files: Record<string, { inode: number }> })
        .files['bin/qemu-system-x86_64']?.inode;
    const before = inode();
    await checkout.locate({ fetch: false });
    expect(inode()).to.be.a('number').and.not.equal(before);
    expect(checkout.compiles).to.have.length(1);
  });

  it('is compiled anew when its manifest was cut short', async () => {
    const manifest = join(root, '..', 'manifest.json');
    const whole = readFileSync(manifest, 'utf8');
    rmSync(manifest);
    appendFileSync(manifest, whole.slice(0, 100));
    await checkout.locate();
    expect(checkout.compiles).to.have.length(2);
  });
});
