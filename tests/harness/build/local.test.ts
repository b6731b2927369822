import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect } from 'chai';
import tmp from 'tmp';
import { locateLocal } from '../../../harness/build/local.js';
import { resolveBuild } from '../../../harness/build/resolve.js';
import { UsageError } from '../../../harness/core/errors.js';

describe('a build by path or name', () => {
  let folder: tmp.DirResult;
  const path = process.env['PATH'];

  beforeEach(() => {
    folder = tmp.dirSync({ unsafeCleanup: true });
  });

  afterEach(() => {
    process.env['PATH'] = path;
    folder.removeCallback();
  });

  function executable(...parts: string[]): string {
    const file = join(folder.name, ...parts);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, '#!/bin/sh\n');
    chmodSync(file, 0o755);
    return file;
  }

  it('is a binary that needs nothing else', () => {
    const binary = executable('qemu');
    expect(locateLocal(binary, 'x86_64')).to.deep.equal({ name: binary, binary, command: [binary], env: {} });
  });

  it('is found in a build folder, in a source tree above it and in an install prefix', () => {
    for (const place of ['', 'build', 'bin']) {
      const tree = join('tree', place || 'itself');
      const binary = executable(tree, place, 'qemu-system-x86_64');
      expect(locateLocal(join(folder.name, tree), 'x86_64').binary).to.equal(binary);
    }
  });

  it('gets the firmware of its source tree only where it has none of its own', () => {
    const binary = executable('src', 'build', 'qemu-system-aarch64');
    executable('src', 'pc-bios', 'README');
    mkdirSync(join(folder.name, 'src', 'target', 'arm'), { recursive: true });
    expect(locateLocal(binary, 'aarch64').command).to.deep.equal([binary, '-L', join(folder.name, 'src', 'pc-bios')]);
    mkdirSync(join(folder.name, 'src', 'build', 'qemu-bundle'));
    expect(locateLocal(binary, 'aarch64').command).to.deep.equal([binary]);
  });

  it('is looked up on PATH when its name has no slash', () => {
    const binary = executable('bin', 'my-qemu');
    process.env['PATH'] = `${join(folder.name, 'bin')}${delimiter}${path}`;
    expect(locateLocal('my-qemu', 'x86_64').command).to.deep.equal([binary]);
  });

  it('is refused in one sentence that names it and what is accepted', async () => {
    const text = join(folder.name, 'text');
    writeFileSync(text, '');
    mkdirSync(join(folder.name, 'empty'));
    symlinkSync('nowhere', join(folder.name, 'dangling'));
    for (const name of [
      'no-such-qemu',
      text,
      join(folder.name, 'empty'),
      join(folder.name, 'dangling'),
      'git:./no-such-folder@HEAD',
      'deb:../x',
    ]) {
      const thrown: unknown = await resolveBuild(name).catch((error: unknown) => error);
      expect(thrown, name).to.be.instanceOf(UsageError);
      expect((thrown as UsageError).message)
        .to.include(name)
        .and.not.include('\n');
    }
  });

  it('is refused with what it has, for an architecture that it has no binary for', () => {
    for (const arch of ['x86_64', 'ppc64']) executable('two', 'build', `qemu-system-${arch}`);
    const tree = join(folder.name, 'two');
    const sentence = `"${tree}" has no qemu-system-aarch64; it has: qemu-system-ppc64, qemu-system-x86_64`;
    expect(() => locateLocal(tree, 'aarch64')).to.throw(UsageError, sentence);
  });

  it('is refused with its own words when it is no QEMU', async () => {
    const file = executable('not-qemu');
    writeFileSync(file, '#!/bin/sh\necho I am a duck >&2\nexit 7\n');
    const thrown: unknown = await resolveBuild(file).catch((error: unknown) => error);
    expect(thrown)
      .to.be.instanceOf(UsageError)
      .with.property('message')
      .that.includes(file)
      .and.includes('I am a duck');
  });
});
