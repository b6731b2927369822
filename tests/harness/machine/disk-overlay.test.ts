import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Deadline } from '../../../harness/core/deadline.js';
import { UsageError } from '../../../harness/core/errors.js';
import { overlayDisk } from '../../../harness/machine/disk-overlay.js';
import { failure } from '../support/failure.js';
import { Launchpad, suite } from '../support/launchpad.js';

/** 1. An overlay of a raw disk, and of a qcow2 one, is as large as the disk, and QEMU opens it. 2. The disk stays as it is. */
describe('an overlay of a disk', () => {
  let pad: Launchpad;
  beforeEach(() => (pad = new Launchpad()));
  afterEach(() => pad[Symbol.asyncDispose]());

  const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

  async function overlay(disk: string, name: string): Promise<string> {
    const path = join(pad.folder, name);
    const { folder } = pad;
    await overlayDisk(await suite('trixie'), {
      disk,
      path,
      folder,
      logFolder: folder,
      deadline: Deadline.after(20_000),
    });
    return path;
  }

  it('is as large as what lies under it, raw or qcow2', async () => {
    const raw = join(pad.folder, 'a, b.raw');
    writeFileSync(raw, Buffer.alloc(3 * 2 ** 20, 'content'));
    const before = digest(raw);
    const first = await overlay(raw, 'first.qcow2');
    const second = await overlay(first, 'second.qcow2');
    const machine = await pad.launch({
      build: 'trixie',
      machineType: 'pc-q35-7.2',
      words: ['-drive', `if=virtio,format=qcow2,file=${second}`],
    });
    const [device] = (await machine.qmp.execute<string>('query-block')) as {
      inserted: { image: Record<string, unknown> };
    }[];
    expect(device?.inserted.image).to.include({ 'virtual-size': 3 * 2 ** 20, 'backing-filename': first });
    expect(digest(raw)).to.equal(before);
  });

  it('says what QEMU has against it', async () => {
    const raw = join(pad.folder, 'disk.raw');
    writeFileSync(raw, 'content');
    const thrown = await failure(overlay(raw, 'no-such-folder/over.qcow2'), UsageError);
    expect(thrown.message).to.match(/^QEMU could not make an overlay for the disk: .*No such file/);
  });
});
