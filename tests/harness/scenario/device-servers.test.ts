import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseVersion, type Build } from '../../../harness/build/build.js';
import { ConnectError } from '../../../harness/core/errors.js';
import { PrivateFolder } from '../../../harness/machine/private-folder.js';
import { CellServers } from '../../../harness/scenario/device-servers.js';
import { ReproductionScript } from '../../../harness/scenario/reproduction.js';
import { collect, scenario } from '../../../harness/scenario/registry.js';
import { SideDevices } from '../../../harness/scenario/side-devices.js';
import { servedObstacle } from '../../../harness/vfio/server/served-device.js';
import { failure } from '../support/failure.js';
import { suite } from '../support/launchpad.js';
import { imaginedBuild } from './imagined.js';

/**
 * 1. Each QEMU of a route has a server of its own, and its own words on its command line; one that the body plugs in has none.
 * 2. A device that the guest has lost stays lost.
 * 3. Servers listen until they are disposed of, and one that cannot listen is told; the others do not listen then either.
 * 4. A script that does without Godwit says that they are missing.
 * 5. A scenario with such a device is skipped, with the reason, on builds before 10.1.
 */
describe("a cell's vfio-user servers", () => {
  let folder: PrivateFolder;
  beforeEach(() => (folder = PrivateFolder.create()));
  afterEach(() => folder[Symbol.dispose]());

  const socketIn = (words: readonly string[]): string =>
    (JSON.parse(words.at(-1) ?? '') as { socket: { path: string } }).socket.path;

  const wordsOn = (devices: SideDevices, hop: number): readonly string[] =>
    devices.on(hop, { build: imaginedBuild('deb:sid', '11.1.3'), words: ['-S'] }).words;

  it('are one for each QEMU of the route', async () => {
    const source = { properties: { bus: 'port0' }, model: { vendorId: 0x1234 } };
    await using servers = await CellServers.listen([source, {}, {}], folder.path);
    expect(servers.all.map(({ device }) => device.model.vendorId)).to.deep.equal([0x1234, 0x1b36, 0x1b36]);
    const devices = new SideDevices([servers]);
    const words = [0, 1, 2].map((hop) => wordsOn(devices, hop));
    expect(words.map(socketIn)).to.deep.equal(servers.all.map(({ path }) => path));
    expect(new Set(words.map(socketIn)).size).to.equal(3);
    expect(JSON.parse(words[0]?.at(-1) ?? '')).to.include({ driver: 'vfio-user-pci', id: 'vfio-user0', bus: 'port0' });
    expect(words[0]?.slice(0, 2)).to.deep.equal(['-S', '-device']);
    expect(devices.without(words[1] ?? [])).to.deep.equal(['-S']);
    expect(wordsOn(devices, 2)).to.deep.equal(words[2]);
  });

  it('are gone from the command line when the guest has lost the device, or has not got it yet', async () => {
    await using servers = await CellServers.listen([{}, {}], folder.path);
    const lost = new SideDevices([servers]);
    expect(lost.without(['-S'])).to.deep.equal(['-S']);
    expect(wordsOn(lost, 1)).to.deep.equal(['-S']);
    using other = PrivateFolder.create();
    await using unplugged = await CellServers.listen([{ plugged: false }], other.path);
    expect(wordsOn(new SideDevices([unplugged]), 0)).to.deep.equal(['-S']);
  });

  it('listen until they are disposed of', async () => {
    const servers = await CellServers.listen([{}], folder.path);
    const path = servers.all[0]?.path ?? '';
    expect(existsSync(path)).to.equal(true);
    expect((await failure(CellServers.listen([{}], folder.path), ConnectError)).message).to.include(path);
    await servers[Symbol.asyncDispose]();
    expect(existsSync(path)).to.equal(false);
  });

  it('listen all, or none does', async () => {
    const [first, second] = [0, 1].map((hop) => join(folder.path, `vfio-user${hop}`));
    writeFileSync(second ?? '', 'taken');
    const refused = await failure(CellServers.listen([{}, {}], folder.path), ConnectError);
    expect(refused.message).to.include(second);
    expect(existsSync(first ?? '')).to.equal(false);
  });

  it('are missed in a script that does without Godwit', async () => {
    await using servers = await CellServers.listen([{}], folder.path);
    for (const words of [['-S'], wordsOn(new SideDevices([servers]), 0)]) {
      const script = new ReproductionScript('a cell');
      const spec = { build: await suite('bookworm'), machineType: 'q35', accel: 'tcg', memoryMiB: 16, incoming: false };
      script.start({ spec: { ...spec, words }, label: 'source', folder: folder.path });
      script.write(folder.path);
      const text = readFileSync(join(folder.path, 'reproduce.sh'), 'utf8');
      expect(text.includes('vfio-user servers of the cell are left out')).to.equal(words.length > 1);
    }
  });

  it('are for QEMU 10.1 and later', async () => {
    const bookworm = await suite('bookworm');
    const newer: Build = { ...bookworm, version: parseVersion('10.1.0') };
    expect(servedObstacle([newer, newer])).to.equal(undefined);
    const reason = `QEMU ${bookworm.version.text} has no vfio-user-pci: it came with 10.1`;
    expect(servedObstacle([newer, bookworm])).to.equal(reason);
    const served = { machines: '*', vfioUser: () => ({ source: {}, destination: {} }), body: () => Promise.resolve() };
    const [declared] = await collect('a.ts', () =>
      Promise.resolve(scenario('device servers: skipped', { ...served, skip: () => 'of its own' })),
    );
    const cell = { machineType: 'pc-q35-7.2', options: {} };
    expect(declared?.skip?.({ ...cell, route: [bookworm, bookworm] })).to.equal(reason);
    expect(declared?.skip?.({ ...cell, route: [newer, newer] })).to.equal('of its own');
  });
});
