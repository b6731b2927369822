import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { resolveBuild, resolveBuilds } from '../../../../harness/build/resolve.js';
import { CompileError, UsageError } from '../../../../harness/core/errors.js';
import { type Checkout, checkoutForEach } from './checkout.js';

/**
 * 1. A commit is compiled once, with the fewest features that its configure knows, and what is left is a QEMU that runs, its firmware and its log.
 * 2. Other flags, another compiler or another build command make another build; one compile serves several architectures.
 * 3. A commit that does not compile is told by its own error, with its log, and is not tried again.
 */
describe('a commit of QEMU', () => {
  let checkout: Checkout;
  checkoutForEach((made) => (checkout = made));

  it('is compiled once and runs', async () => {
    const onProgress = (text: string): void => void checkout.said.push(text);
    const commit = checkout.git('rev-parse', 'HEAD');
    const build = await resolveBuild(checkout.name(), { onProgress });
    const prefix = `compiling ${checkout.name()} (${commit.slice(0, 12)}): `;
    const steps = ['checking it out', 'configure', 'ninja', '[1/2]', '[2/2]'].map((step) => `${prefix}${step}`);
    expect(checkout.said).to.deep.equal([...steps, `probing ${checkout.name()}`]);
    expect(build.version.text).to.match(/^7\.2\./);
    const [binary = '', option, data = ''] = build.command;
    expect([option, readdirSync(data)]).to.deep.equal(['-L', ['bios.bin']]);
    const log = join(dirname(binary), '..', '..', 'compile.log');
    expect(readFileSync(log, 'utf8')).to.match(/^configured in .*\n\[1\/2\] compiling qemu-system-x86_64\n/);
    expect(checkout.cached).to.have.length(1);
    expect([checkout.workTrees, checkout.logs]).to.deep.equal([[], []]);

    checkout.git('tag', 'v1');
    checkout.said.length = 0;
    const again = await resolveBuild(checkout.name('v1'), { onProgress, fetch: false });
    expect(again.command).to.deep.equal(build.command);
    expect(checkout.said).to.deep.equal([]);
  });

  it('is compiled when the one before it is, of several', async () => {
    const first = checkout.git('rev-parse', 'HEAD');
    checkout.commit('another one');
    const onProgress = (text: string): void => void checkout.said.push(text);
    const names = [checkout.name(first), checkout.name()];
    expect((await resolveBuilds(names, { onProgress })).map(({ name }) => name)).to.deep.equal(names);
    const of = (name: string): string => (name.includes(first) ? 'first' : 'second');
    const order = checkout.said.filter((text) => text.startsWith('compiling')).map(of);
    expect(order).to.deep.equal([...Array<string>(5).fill('first'), ...Array<string>(5).fill('second')]);
  });

  it('says which commit it is where the binary names no package', async () => {
    const commit = checkout.commit(
      'migration: keep what the destination has said, whatever the source goes on to tell it',
    );
    const { package: text } = await checkout.locate();
    expect(text).to.equal(`${commit.slice(0, 12)} migration: keep what the destination has said, whatever the`);
  });

  it('is configured with the fewest features, as far as it knows them', async () => {
    await checkout.locate({ compile: { features: ['slirp', 'zstd'] } });
    expect(checkout.flags).to.deep.equal([
      '--target-list=x86_64-softmmu --prefix=/nonexistent/godwit --without-default-features --enable-tcg --disable-docs ' +
        '--disable-werror --with-git-submodules=ignore --enable-slirp',
    ]);
    expect(checkout.said.join('\n')).to.include('its configure knows no feature zstd');
  });

  it("is configured with the user's own arguments", async () => {
    await checkout.locate({ compile: { configure: ['--enable-debug', '--prefix=/opt/q'] } });
    expect(checkout.flags).to.deep.equal(['--target-list=x86_64-softmmu --enable-debug --prefix=/opt/q']);
  });

  it('is another build with other flags and another compiler', async () => {
    const first = await checkout.locate();
    const second = await checkout.locate({ compile: { features: ['slirp'] } });
    checkout.setEnvironment('CFLAGS', '-O0');
    const third = await checkout.locate();
    expect(new Set([first.binary, second.binary, third.binary]).size).to.equal(3);
    expect(checkout.compiles).to.have.length(3);
  });

  it('is compiled through ccache where there is one', async () => {
    checkout.tool('ccache', '#!/bin/sh\nexit 1\n');
    checkout.commitCompile('printf "%s\\n" "$CC|$CCACHE_BASEDIR|$PWD|$CCACHE_NOHASHDIR"\n cp ../qemu.in $1');
    checkout.write('qemu.in', '#!/bin/sh\n', 0o755);
    checkout.commit('executable');
    checkout.setEnvironment('CC', undefined);
    const { binary } = await checkout.locate();
    const log = readFileSync(join(dirname(binary), '..', '..', 'compile.log'), 'utf8');
    expect(log).to.match(/^ccache cc\|(\/.+)\|\1\/build\|1$/m);
    checkout.setEnvironment('CC', '/usr/bin/ccache clang');
    await checkout.locate();
    expect(checkout.compilers).to.deep.equal(['ccache cc', '/usr/bin/ccache clang']);
  });

  it('is compiled for several architectures from one tree', async () => {
    const targets = ['ppc64', 'aarch64'];
    const first = await checkout.locate({ compile: { targets } });
    for (const arch of targets) {
      const { binary } = await checkout.locate({ arch, fetch: false });
      expect(binary).to.equal(first.binary.replace('x86_64', arch));
      expect(existsSync(binary)).to.equal(true);
    }
    expect(checkout.compiles).to.have.length(1);
    expect(checkout.compiles[0]).to.include('--target-list=aarch64-softmmu,ppc64-softmmu,x86_64-softmmu ');
  });

  it("is compiled by the user's own command, without a shell", async () => {
    const commit = checkout.git('rev-parse', 'HEAD');
    const script =
      'echo "$1 $GODWIT_ARCH $GODWIT_COMMIT"; mkdir bin; cp qemu.in bin/qemu-system-$GODWIT_ARCH; chmod +x bin/*';
    const { binary } = await checkout.locate({ compile: { command: ['sh', '-ec', script, 'sh', '$HOME; *'] } });
    const log = readFileSync(join(dirname(binary), '..', '..', 'compile.log'), 'utf8');
    expect(log).to.equal(`$HOME; * x86_64 ${commit}\n`);
    expect(checkout.compiles).to.deep.equal([]);
  });

  it('takes firmware that it lacks from a suite or a folder, which makes no other build', async () => {
    const plain = await checkout.locate();
    const folder = checkout.beside('roms');
    const own = await checkout.locate({ compile: { firmware: folder } });
    expect(own.command).to.deep.equal([...plain.command, '-L', folder]);
    expect(checkout.compiles).to.have.length(1);
    const thrown = await checkout.failure({ compile: { firmware: 'nowhere' } });
    expect(thrown).to.be.instanceOf(UsageError).with.property('message').that.includes('"nowhere"');
  });

  it('keeps modules, and firmware that was built, but not what firmware is built from', async () => {
    checkout.write('pc-bios/optionrom/multiboot.S', '');
    checkout.write('pc-bios/edk2.fd.bz2', '');
    checkout.commitCompile(
      'cp ../qemu.in $1; chmod +x $1; echo m > hw-display.so; mkdir -p pc-bios; echo built > pc-bios/edk2.fd; ln -s ../../pc-bios/bios.bin pc-bios/',
    );
    const { binary, env } = await checkout.locate();
    const root = join(dirname(binary), '..');
    expect(readdirSync(join(root, 'share', 'qemu')).sort()).to.deep.equal(['bios.bin', 'edk2.fd']);
    expect(env).to.deep.equal({ QEMU_MODULE_DIR: join(root, 'lib', 'qemu') });
    expect(readdirSync(join(root, 'lib', 'qemu'))).to.deep.equal(['hw-display.so']);
  });

  it('that does not compile says so with its log, and is not tried again until somebody wants that', async () => {
    checkout.commitCompile(
      'echo compiling; echo "hw/pci/pci.c:7:3: error: no semicolon"; echo "ninja: build stopped"; exit 1',
    );
    const thrown = await checkout.failure();
    expect(thrown).to.be.instanceOf(CompileError).with.property('message').that.includes('no semicolon');
    const { log, lastLines, step } = (thrown as CompileError).data;
    expect([step, lastLines]).to.deep.equal([
      'ninja',
      [lineOfConfigure(lastLines), 'compiling', 'hw/pci/pci.c:7:3: error: no semicolon', 'ninja: build stopped'],
    ]);
    expect(readFileSync(String(log), 'utf8')).to.include('no semicolon');
    expect(checkout.workTrees).to.deep.equal([]);

    const again = await checkout.failure({ fetch: false });
    expect(again)
      .to.be.instanceOf(CompileError)
      .with.property('message', (thrown as Error).message);
    expect(checkout.compiles).to.have.length(1);
    await checkout.failure({ refresh: true });
    expect(checkout.compiles).to.have.length(2);
  });

  it('is not compiled where nobody wants that', async () => {
    const thrown = await checkout.failure({ fetch: false });
    expect(thrown)
      .to.have.property('message')
      .that.includes('is not compiled yet')
      .and.includes(`godwit builds add ${checkout.name()}`);
    expect(checkout.compiles).to.deep.equal([]);
  });

  it('is refused where it is none of QEMU, and where words do not fit', async () => {
    writeFileSync(join(checkout.path, 'README'), '');
    checkout.git('rm', '--quiet', 'configure');
    checkout.commit('no configure');
    expect(await checkout.failure())
      .to.be.instanceOf(UsageError)
      .with.property('message')
      .that.includes('no configure');
    expect(checkout.workTrees).to.deep.equal([]);
    for (const compile of [{ targets: ['x86-64'] }, { features: ['--x'] }, { command: ['make'], features: ['kvm'] }]) {
      expect(await checkout.failure({ compile }), JSON.stringify(compile)).to.be.instanceOf(UsageError);
    }
  });
});

function lineOfConfigure(lines: unknown): string {
  return (lines as string[]).find((line) => line.startsWith('configured in ')) ?? 'no line of configure';
}
