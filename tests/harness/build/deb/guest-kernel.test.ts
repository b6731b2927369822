import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import tmp from 'tmp';
import { guestKernel } from '../../../../harness/build/deb/guest-kernel.js';
import { hashFile, walk } from '../../../../harness/build/file-hashes.js';
import { Deadline } from '../../../../harness/core/deadline.js';
import { BuildError, UsageError } from '../../../../harness/core/errors.js';
import { failure } from '../../support/failure.js';

const usual = () => ({ arch: 'x86_64', fetch: true, deadline: Deadline.after(200_000) });

/**
 * 1. A kernel, its modules and a busybox come from a suite's own packages, and nothing else is kept of them.
 * 2. What is in the cache is taken from there; two at once fetch once; a fetch that was aborted leaves nothing.
 * 3. What cannot be had is said in one sentence.
 */
describe('the kernel of deb:SUITE', function () {
  this.timeout(240_000);
  let cache: tmp.DirResult;
  let guests: string;
  const own = process.env['XDG_CACHE_HOME'];

  beforeEach(() => {
    cache = tmp.dirSync({ unsafeCleanup: true });
    process.env['XDG_CACHE_HOME'] = cache.name;
    guests = join(cache.name, 'godwit', 'guest');
  });

  afterEach(() => {
    if (own === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = own;
    cache.removeCallback();
  });

  it('is fetched once, however many ask for it, and then taken from the cache', async () => {
    const said: string[] = [];
    const onProgress = (text: string) => void said.push(text);
    const both = await Promise.all([
      guestKernel('deb:bookworm', { ...usual(), onProgress }),
      guestKernel('deb:bookworm', { ...usual(), onProgress }),
    ]);
    const [kernel, other] = both;
    expect(other).to.deep.equal(kernel);
    expect(said.filter((text) => text.endsWith('package lists'))).to.have.length(1);

    expect(kernel.version).to.match(/^6\.1\.0-\d+-cloud-amd64$/);
    const named = kernel.packages.map(({ name }) => name);
    expect(named).to.have.members(['busybox-static', `linux-image-${kernel.version}`]);
    const image = readFileSync(kernel.kernel);
    expect(image.subarray(0x202, 0x206).toString()).to.equal('HdrS');
    expect(readFileSync(kernel.busybox).subarray(0, 4).toString('latin1')).to.equal('\x7fELF');
    expect(await hashFile(kernel.kernel)).to.equal(kernel.sha256.kernel);
    expect(await hashFile(kernel.busybox)).to.equal(kernel.sha256.busybox);
    expect(kernel.modulesPacked).to.equal(false);
    expect(await walk(kernel.modules)).to.include('kernel/drivers/net/virtio_net.ko');
    const kept = await walk(join(guests, 'bookworm-x86_64', 'root'));
    expect(kept.filter((path) => /^(?:etc|usr)\b|config-|System\.map/.test(path))).to.deep.equal([]);
    expect(readdirSync(guests).sort()).to.deep.equal(['bookworm-x86_64', 'bookworm-x86_64.lock']);

    said.length = 0;
    expect(await guestKernel('deb:bookworm', { ...usual(), fetch: false, onProgress })).to.deep.equal(kernel);
    expect(said).to.deep.equal([]);
  });

  it('comes with modules that are unpacked, where the suite ships them packed', async () => {
    if (own === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = own;
    const kernel = await guestKernel('deb:trixie', usual());
    expect(kernel.version).to.match(/^6\.12\./);
    const modules = (await walk(kernel.modules)).filter((path) => /\.ko(\.xz)?$/.test(path));
    expect(modules).to.include('kernel/drivers/net/virtio_net.ko');
    expect(modules.filter((path) => path.endsWith('.xz'))).to.deep.equal([]);
  });

  it('leaves nothing behind when it is aborted', async () => {
    const stop = new AbortController();
    const reason = new Error('no longer wanted');
    const onProgress = (text: string) => {
      if (text.includes('linux-image')) stop.abort(reason);
    };
    const thrown = await failure(guestKernel('deb:bookworm', { ...usual(), signal: stop.signal, onProgress }));
    expect(thrown).to.equal(reason);
    expect(readdirSync(guests)).to.deep.equal(['bookworm-x86_64.lock']);
  });

  it('names what does not exist', async () => {
    const suite = await failure(guestKernel('deb:nosuchsuite', usual()), UsageError);
    expect(suite.message).to.include('has no suite "nosuchsuite"');
    const arch = await failure(guestKernel('deb:bookworm', { ...usual(), arch: 'ppc64' }), UsageError);
    expect(arch.message).to.equal('no Linux guest is known for the architecture "ppc64": accepted are x86_64, aarch64');
    const name = await failure(guestKernel('bookworm', usual()), UsageError);
    expect(name.message).to.include('"bookworm" names no Debian suite');
  });

  it('is not fetched where nobody wants that', async () => {
    const thrown = await failure(guestKernel('deb:bookworm', { ...usual(), fetch: false }), BuildError);
    expect(thrown.message).to.equal('the kernel of deb:bookworm is not in the cache, and nothing may be fetched here');
    expect(existsSync(guests)).to.equal(false);
  });
});
