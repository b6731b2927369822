import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import tmp from 'tmp';
import type { Build } from '../../../../harness/build/build.js';
import { probeAccelerators } from '../../../../harness/build/probe/accelerators.js';
import { packCompat, unpackCompat } from '../../../../harness/build/probe/probe-cache.js';
import { defaultBuilds, resolveBuild } from '../../../../harness/build/resolve.js';
import { Deadline } from '../../../../harness/core/deadline.js';
import { wrapperScript } from '../../support/wrapper.js';

/**
 * 1. A build tells its version, machine types, devices, capabilities, parameters and compat properties.
 * 2. It is asked once, and again when its binary changes.
 * 3. An accelerator counts only when a guest ran in it.
 */
describe('the probe of a build', function () {
  this.timeout(240_000);
  let old: Build;
  let recent: Build;
  let folder: tmp.DirResult;
  const own = process.env['XDG_CACHE_HOME'];

  before(async () => {
    [old, recent] = await Promise.all([resolveBuild('deb:bookworm'), resolveBuild('deb:trixie')]);
  });

  beforeEach(() => {
    folder = tmp.dirSync({ unsafeCleanup: true });
  });

  afterEach(() => {
    if (own === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = own;
    folder.removeCallback();
  });

  /** A QEMU that notes each of its starts, and may be given more arguments. */
  function wrapped(build: Build, more = ''): { path: string; starts: () => number } {
    const path = join(folder.name, 'qemu');
    const log = join(folder.name, 'starts');
    writeFileSync(path, wrapperScript(build, { shell: `echo >> '${log}'`, more }), { mode: 0o755 });
    writeFileSync(log, '');
    return { path, starts: () => readFileSync(log, 'utf8').length };
  }

  it('tells what both an old and a recent build are', () => {
    expect(old.version).to.include({ major: 7, minor: 2 });
    expect(old.package).to.match(/^Debian 1:7\.2/);
    expect(old.sha256).to.match(/^[0-9a-f]{64}$/);
    const q35 = old.probe.machineTypes.find((type) => type.alias === 'q35');
    expect(q35).to.deep.include({ name: 'pc-q35-7.2', isDefault: false, deprecated: false });
    expect(old.probe.machineTypes.filter((type) => type.isDefault)).to.have.length(1);
    expect(recent.probe.machineTypes.find((type) => type.name === 'pc-q35-5.2')).to.include({ deprecated: true });
    for (const { probe } of [old, recent]) {
      // The second is an alias, the third comes in a module.
      expect(probe.devices).to.include.members(['pcie-root-port', 'virtio-net', 'usb-redir']);
      expect(probe.migrationCapabilities).to.include.members(['multifd', 'return-path', 'postcopy-ram']);
      expect(probe.migrationParameters).to.include.members(['downtime-limit', 'tls-creds', 'multifd-channels']);
      expect(probe.accelerators[0]).to.equal('tcg');
    }
    expect(recent.probe.migrationParameters).to.include('direct-io');
    expect(old.probe.migrationParameters).to.not.include('direct-io');
  });

  it('knows the compat properties of builds that tell them', () => {
    expect(old.probe.compatProperties).to.equal(undefined);
    expect(recent.probe.compatProperties?.['pc-q35-7.2']).to.deep.include({
      driver: 'pci-device',
      property: 'x-pcie-err-unc-mask',
      value: 'off',
    });
  });

  it('is made once for a binary, and anew when the binary changes', async () => {
    process.env['XDG_CACHE_HOME'] = folder.name;
    const qemu = wrapped(old);
    const first = await resolveBuild(qemu.path);
    const starts = qemu.starts();
    expect(starts).to.be.above(2);
    expect(await resolveBuild(qemu.path)).to.deep.equal(first);
    expect(qemu.starts()).to.equal(starts);

    utimesSync(qemu.path, 1, 1);
    await resolveBuild(qemu.path);
    expect(qemu.starts()).to.equal(2 * starts);
  });

  it('does not believe a cache file that is cut short', async () => {
    process.env['XDG_CACHE_HOME'] = folder.name;
    const qemu = wrapped(recent);
    const first = await resolveBuild(qemu.path);
    const probes = join(folder.name, 'godwit', 'probes');
    const [file = ''] = readdirSync(probes).filter((name) => name.endsWith('.json'));
    writeFileSync(join(probes, file), readFileSync(join(probes, file), 'utf8').slice(0, 5000));
    expect(await resolveBuild(qemu.path)).to.deep.equal(first);
  });

  it('names no accelerator in which the guest did not come to its end', async () => {
    const { path } = wrapped(old, '-S');
    const located = { name: path, binary: path, command: [path], env: {} };
    const { machineTypes } = old.probe;
    const options = { deadline: Deadline.after(1_500), machineTypes };
    expect(await probeAccelerators(located, options)).to.deep.equal([]);
    const unhindered = { ...located, command: old.command, env: old.env };
    expect(await probeAccelerators(unhindered, { deadline: Deadline.after(20_000), machineTypes })).to.include('tcg');
  });

  it('is the same for everybody who asks', async () => {
    const { builds, note } = await defaultBuilds(['deb:bookworm', 'deb:trixie'], { fetch: false });
    expect(note).to.equal(undefined);
    expect(builds).to.deep.equal([old, recent]);
  });
});

describe('packed compat properties', () => {
  it('are the same when unpacked', () => {
    const word = fc.string({ maxLength: 3 });
    const property = fc.record({ driver: word, property: word, value: word }, { noNullPrototype: true });
    const name = word.filter((text) => text !== '__proto__');
    fc.assert(
      fc.property(fc.dictionary(name, fc.array(property), { noNullPrototype: true }), (compat) => {
        expect(unpackCompat(packCompat(compat))).to.deep.equal(compat);
      }),
    );
  });
});
