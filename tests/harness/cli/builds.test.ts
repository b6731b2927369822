import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import tmp from 'tmp';
import type { SuiteManifest } from '../../../harness/build/deb/manifest.js';
import { hashFolder } from '../../../harness/build/file-hashes.js';
import { packageRoot } from '../../../harness/core/package-root.js';

/** Runs `godwit WORDS` from the sources, with a cache of its own. */
async function godwit(words: string[], cache: string) {
  const script = `
    import { Command } from 'commander';
    import { buildsCommand } from './harness/cli/builds.ts';
    import { machinesCommand } from './harness/cli/machines.ts';
    const program = new Command('godwit').addCommand(buildsCommand()).addCommand(machinesCommand());
    await program.parseAsync(${JSON.stringify(words)}, { from: 'user' }).catch((thrown) => {
      console.error(thrown.message);
      process.exitCode = thrown.code === 'usage' ? 2 : 3;
    });`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
  return execa(process.execPath, args, { cwd: packageRoot, env: { XDG_CACHE_HOME: cache }, reject: false });
}

describe('godwit builds', function () {
  this.timeout(60_000);
  let cache: tmp.DirResult;
  let root: string;

  /** A fetched suite as far as listing, verifying and removing are concerned; its QEMU does not run. */
  beforeEach(async () => {
    cache = tmp.dirSync({ unsafeCleanup: true });
    const folder = join(cache.name, 'godwit', 'deb', 'tiny-x86_64');
    root = join(folder, 'root');
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, 'qemu'), 'no program', { mode: 0o755 });
    writeFileSync(join(root, 'bios.bin'), 'firmware');
    const { files, bytes } = await hashFolder(root);
    const manifest: SuiteManifest = {
      format: 1,
      suite: 'tiny',
      arch: 'x86_64',
      fetchedAt: '2026-01-02T03:04:05.000Z',
      bytes,
      packages: [],
      binary: 'qemu',
      loader: 'qemu',
      libraryPath: [],
      dataPath: [],
      moduleFolder: 'modules',
    };
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
    writeFileSync(join(folder, 'files.json'), JSON.stringify(files));
  });

  afterEach(() => cache.removeCallback());

  it('lists what is there, also what does not run', async () => {
    const { stdout, exitCode } = await godwit(['builds'], cache.name);
    expect(exitCode).to.equal(0);
    expect(stdout).to.match(/^deb:tiny\s+x86_64\s+does not run\s.*2026-01-02 03:04/m);
    const json = await godwit(['builds', 'list', '--json'], cache.name);
    expect(JSON.parse(json.stdout)).to.have.nested.property('[0].bytes', 18);
  });

  it('verifies: exit 0 as fetched, exit 1 naming the file that was tampered with', async () => {
    const before = await godwit(['builds', 'verify'], cache.name);
    expect(before).to.include({ exitCode: 0, stdout: 'deb:tiny: as fetched' });
    appendFileSync(join(root, 'bios.bin'), '!');
    const after = await godwit(['builds', 'verify', 'deb:tiny'], cache.name);
    expect(after.exitCode).to.equal(1);
    expect(after.stdout).to.equal(`deb:tiny: ${join(root, 'bios.bin')} is not what was fetched`);
  });

  it('removes, but nothing when one of the names is wrong', async () => {
    const wrong = await godwit(['builds', 'remove', 'deb:tiny', 'deb:../tiny'], cache.name);
    expect(wrong.exitCode).to.equal(2);
    expect(wrong.stderr).to.include('deb:../tiny');
    expect((await godwit(['builds', 'remove', 'deb:tiny'], cache.name)).stdout).to.equal('deb:tiny: removed');
    expect((await godwit(['builds', 'verify'], cache.name)).stdout).to.equal('no fetched or compiled builds to verify');
  });

  it('says what is wrong with a name and exits 2', async () => {
    const { exitCode, stderr } = await godwit(['builds', 'add', 'no-such-qemu'], cache.name);
    expect(exitCode).to.equal(2);
    expect(stderr).to.match(/no-such-qemu.*accepted are/);
  });
});

describe('godwit machines', function () {
  this.timeout(240_000);
  const cache = process.env['XDG_CACHE_HOME'] ?? '';

  it('shows machine types × builds, aliases resolved, and what a route can use', async () => {
    const words = ['machines', '--build', 'deb:bookworm', 'deb:trixie', '--machine', 'pc-q35-7.*', 'pc-q35-10.0'];
    const { stdout } = await godwit(words, cache);
    expect(stdout).to.match(/^pc-q35-7\.0 +yes +deprecated +yes$/m);
    expect(stdout).to.match(/^pc-q35-7\.2 +.*= q35.* yes$/m);
    expect(stdout).to.match(/^pc-q35-10\.0 +- +.*= q35.* -$/m);
    expect(stdout).to.match(/^q35 +pc-q35-7\.2 +pc-q35-10\.0$/m);
    expect(stdout).to.match(/^3 of 4 machine types can travel through all 2 builds$/m);
    expect(JSON.parse((await godwit([...words, '--json'], cache)).stdout))
      .to.have.property('machineTypes')
      .with.length(4);
  });

  it('refuses a glob that matches nothing', async () => {
    const { exitCode, stderr } = await godwit(
      ['machines', '--build', 'deb:bookworm', '--machine', 'pc-q35-99.*'],
      cache,
    );
    expect(exitCode).to.equal(2);
    expect(stderr).to.include('pc-q35-99.*');
  });
});
