import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import tmp from 'tmp';
import { defaultBuilds, resolveBuild } from '../../../../harness/build/resolve.js';
import { BuildError, UsageError } from '../../../../harness/core/errors.js';
import { packageRoot } from '../../../../harness/core/package-root.js';
import { wrapperScript } from '../../support/wrapper.js';

/** Resolves a build in a process of its own, printing its progress line by line. */
function resolving(name: string, env: Record<string, string>) {
  const script = `
    import { resolveBuild } from './harness/build/resolve.ts';
    const build = await resolveBuild(${JSON.stringify(name)}, { onProgress: (text) => console.log(text) });
    console.log('resolved', build.version.text);`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
  return execa(process.execPath, args, { cwd: packageRoot, env, reject: false });
}

/**
 * 1. A fetched suite runs by its own loader and libraries alone, whatever the host has.
 * 2. A fetch that was killed starts over, and two at once fetch once; nothing but the build is left.
 * 3. What cannot be had is said in one sentence, and the QEMU on PATH stands in.
 */
describe('deb:SUITE', function () {
  this.timeout(240_000);
  let cache: tmp.DirResult;
  const { XDG_CACHE_HOME: own, PATH: path, http_proxy: proxy } = process.env;

  beforeEach(() => {
    cache = tmp.dirSync({ unsafeCleanup: true });
  });

  afterEach(() => {
    for (const [name, value] of Object.entries({ XDG_CACHE_HOME: own, PATH: path, http_proxy: proxy })) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
    cache.removeCallback();
  });

  it('runs by its own loader, with no library of the host', async () => {
    const build = await resolveBuild('deb:bookworm');
    const [loader = '', option = '', libraries = '', binary = ''] = build.command;
    const root = binary.slice(0, -'/usr/bin/qemu-system-x86_64'.length);
    const { stdout } = await execa(loader, [option, libraries, '--list', binary]);
    const loaded = stdout.split('\n').flatMap((line) => / => (\S+)/.exec(line)?.[1] ?? []);
    expect(loaded).to.have.length.above(20);
    expect(loaded.filter((file) => !file.startsWith(`${root}/`))).to.deep.equal([]);
    const firmware = await execa(loader, [...build.command.slice(1), '-L', 'help'], { env: build.env });
    expect(firmware.stdout.split('\n').every((line) => line.startsWith(`${root}/`))).to.equal(true);
  });

  it('survives the death of a fetch, and two at once fetch it once', async () => {
    const env = { XDG_CACHE_HOME: cache.name };
    const doomed = resolving('deb:bookworm', env);
    doomed.stdout.on('data', (chunk: Buffer) => {
      if (/ of \d+ packages/.test(chunk.toString())) doomed.kill('SIGKILL');
    });
    expect(await doomed).to.have.property('signal', 'SIGKILL');
    const suites = join(cache.name, 'godwit', 'deb');
    expect(existsSync(join(suites, 'bookworm-x86_64'))).to.equal(false);

    const both = await Promise.all([resolving('deb:bookworm', env), resolving('deb:bookworm', env)]);
    for (const one of both) expect(one.stdout).to.match(/^resolved 7\.2\.\d+$/m);
    expect(both.filter((one) => one.stdout.includes('unpacking'))).to.have.length(1);
    expect(both.filter((one) => one.stdout.includes('waiting for another fetch'))).to.have.length(1);
    expect(readdirSync(suites).sort()).to.deep.equal(['bookworm-x86_64', 'bookworm-x86_64.lock']);
  });

  it('names a suite that the mirror does not have', async () => {
    process.env['XDG_CACHE_HOME'] = cache.name;
    const thrown: unknown = await resolveBuild('deb:nosuchsuite').catch((error: unknown) => error);
    expect(thrown).to.be.instanceOf(UsageError).with.property('message').that.includes('nosuchsuite');
  });

  it('is not fetched where nobody wants that', async () => {
    process.env['XDG_CACHE_HOME'] = cache.name;
    const thrown: unknown = await resolveBuild('deb:bookworm', { fetch: false }).catch((error: unknown) => error);
    expect(thrown)
      .to.be.instanceOf(BuildError)
      .with.property('message')
      .that.includes('deb:bookworm is not in the cache');
    expect(existsSync(join(cache.name, 'godwit', 'deb'))).to.equal(false);
  });

  it('gives way to the QEMU on PATH with a note, and says what to do where there is none', async () => {
    const suite = await resolveBuild('deb:bookworm');
    const folder = join(cache.name, 'bin');
    const tools = join(cache.name, 'none');
    mkdirSync(folder);
    writeFileSync(join(folder, 'qemu-system-x86_64'), wrapperScript(suite), { mode: 0o755 });
    process.env['XDG_CACHE_HOME'] = cache.name;

    process.env['PATH'] = folder;
    const found = await defaultBuilds(['deb:bookworm', 'deb:trixie']);
    expect(found.builds.map((build) => build.version.text)).to.deep.equal([suite.version.text]);
    expect(found.note)
      .to.include('deb:bookworm, deb:trixie cannot be had')
      .and.include('on PATH')
      .and.not.include('\n');

    process.env['PATH'] = tools;
    const thrown: unknown = await defaultBuilds(['deb:bookworm']).catch((error: unknown) => error);
    expect(thrown).to.be.instanceOf(BuildError).with.property('message').that.includes('install QEMU');
  });

  it('says in one line that the mirror cannot be reached', async () => {
    process.env['XDG_CACHE_HOME'] = cache.name;
    process.env['http_proxy'] = 'http://127.0.0.1:9';
    process.env['https_proxy'] = 'http://127.0.0.1:9';
    const thrown: unknown = await resolveBuild('deb:bookworm').catch((error: unknown) => error);
    delete process.env['https_proxy'];
    expect(thrown)
      .to.be.instanceOf(BuildError)
      .with.property('message')
      .that.includes('bookworm')
      .and.not.includes('\n');
    expect(readdirSync(join(cache.name, 'godwit', 'deb'))).to.deep.equal(['bookworm-x86_64.lock']);
  });
});
