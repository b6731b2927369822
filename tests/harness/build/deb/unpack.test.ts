import { chmodSync, existsSync, mkdirSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import tmp from 'tmp';
import { compareFolder, hashFolder } from '../../../../harness/build/file-hashes.js';
import { prune } from '../../../../harness/build/deb/unpack.js';

describe('an unpacked suite', () => {
  let folder: tmp.DirResult;

  beforeEach(() => {
    folder = tmp.dirSync({ unsafeCleanup: true });
  });

  afterEach(() => folder.removeCallback());

  function write(path: string, mode = 0o644): string {
    const full = join(folder.name, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, path);
    chmodSync(full, mode);
    return full;
  }

  it('keeps binaries, libraries and firmware, and what the links in the firmware lead to', async () => {
    const kept = [
      'usr/bin/qemu-system-x86_64',
      'lib/triplet/libc.so.6',
      'usr/lib/ipxe/qemu/efi-virtio.rom',
      'usr/share/qemu/a.bin',
    ];
    const linked = write('usr/share/firmware/b.bin');
    const dropped = ['usr/bin/passwd', 'usr/share/doc/x', 'etc/passwd', 'usr/sbin/y', 'usr/lib/systemd/z'];
    for (const path of [...kept, ...dropped]) write(path);
    symlinkSync('../firmware/b.bin', join(folder.name, 'usr/share/qemu/b.bin'));
    await prune(folder.name);
    for (const path of kept) expect(existsSync(join(folder.name, path)), path).to.equal(true);
    expect(existsSync(linked)).to.equal(true);
    for (const path of dropped) expect(existsSync(join(folder.name, path)), path).to.equal(false);
  });

  it('has no set-user-ID bit, and no link to the host where it has the file itself', async () => {
    const helper = write('usr/bin/qemu-bridge-helper', 0o4755);
    write('lib/triplet/ld.so');
    mkdirSync(join(folder.name, 'lib64'));
    symlinkSync('/lib/triplet/ld.so', join(folder.name, 'lib64/ld.so'));
    await prune(folder.name);
    expect(statSync(helper).mode & 0o7777).to.equal(0o755);
    expect(readlinkSync(join(folder.name, 'lib64/ld.so'))).to.equal('../lib/triplet/ld.so');
  });

  it('is compared file by file with what was fetched', async () => {
    for (const path of ['same', 'changed', 'gone']) write(path);
    symlinkSync('same', join(folder.name, 'link'));
    const { files, bytes } = await hashFolder(folder.name);
    expect(bytes).to.equal('samechangedgone'.length);
    expect(await compareFolder(folder.name, files)).to.deep.equal([]);

    writeFileSync(join(folder.name, 'changed'), 'CHANGED');
    for (const path of ['gone', 'link']) rmSync(join(folder.name, path));
    symlinkSync('changed', join(folder.name, 'link'));
    write('new');
    const differences = (await compareFolder(folder.name, files)).map((line) => line.slice(folder.name.length + 1));
    expect(differences).to.deep.equal([
      'changed is not what was fetched',
      'gone is missing',
      'link is not what was fetched',
      'new was not there when the build was fetched',
    ]);
  });
});
