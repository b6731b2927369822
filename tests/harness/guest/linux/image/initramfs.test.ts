import { readFileSync, statSync } from 'node:fs';
import { expect } from 'chai';
import { type GuestKernel, guestKernel } from '../../../../../harness/build/deb/guest-kernel.js';
import { Deadline } from '../../../../../harness/core/deadline.js';
import { imageWords, linuxImage } from '../../../../../harness/guest/linux/image/initramfs.js';
import { PrivateFolder } from '../../../../../harness/machine/private-folder.js';

/**
 * 1. The same kernel makes the same image, which is written once; its digest changes with whatever changes the guest.
 * 2. A kernel whose modules cannot be read, or that has none of those which are wanted, makes an image without.
 */
describe('the image of a Linux guest', () => {
  let kernel: GuestKernel;

  before(async () => {
    kernel = await guestKernel('deb:bookworm', { arch: 'x86_64', fetch: true, deadline: Deadline.after(50_000) });
  });

  it('is the same for the same kernel, and is written once', async () => {
    const image = await linuxImage(kernel);
    const { ino, mtimeMs } = statSync(image.initrd);
    expect(await linuxImage(kernel)).to.deep.equal(image);
    expect(statSync(image.initrd)).to.include({ ino, mtimeMs });
    const words = await linuxImage(kernel, { append: ['quiet'] });
    expect(words).to.include({ initrd: image.initrd, append: `${image.append} quiet` });
    const fewer = await linuxImage(kernel, { modules: ['virtio_net'] });
    expect(fewer.modules).to.include.members(['failover', 'net_failover', 'virtio_net']).and.not.include('virtio_blk');
    expect(new Set([image.digest, words.digest, fewer.digest]).size).to.equal(3);
    expect(imageWords(image)).to.deep.equal([
      ...['-kernel', kernel.kernel, '-initrd', image.initrd],
      ...['-append', image.append],
    ]);
  });

  it('is made without modules where there are none', async () => {
    using empty = PrivateFolder.create();
    const packed = await linuxImage({ ...kernel, modulesPacked: true });
    const none = await linuxImage({ ...kernel, modules: empty.path });
    for (const image of [packed, none]) {
      expect(image.modules).to.deep.equal([]);
      expect(readFileSync(image.initrd).includes('modprobe -a')).to.equal(false);
    }
  });
});
