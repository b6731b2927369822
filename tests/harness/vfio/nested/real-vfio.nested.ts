import { expect } from 'chai';
import { after, afterEach, before } from 'mocha';
import { join } from 'node:path';
import type { Build } from '../../../../harness/build/build.js';
import { resolveBuild } from '../../../../harness/build/resolve.js';
import { Deadline } from '../../../../harness/core/deadline.js';
import { LaunchError, UsageError } from '../../../../harness/core/errors.js';
import { DisposeStack } from '../../../../harness/core/dispose.js';
import { PrivateFolder } from '../../../../harness/machine/private-folder.js';
import type { Scenario } from '../../../../harness/scenario/definition.js';
import { standIn } from '../../../../harness/vfio/stand-in/library.js';
import { failure } from '../../support/failure.js';
import { Launchpad } from '../../support/launchpad.js';
import { type Bed, kernelBed, removeDevices, standInBed } from './beds.js';
import { cellsOn, playOn, seed002, told } from './catalogue.js';
import { migrateVfio } from './migration.js';
import { loadMtty } from './mtty-module.js';
import { NestedHost } from './nested-host.js';
import { nestedPackages } from './packages.js';

/** The kernel has VFIO migration of protocol v2, which QEMU speaks from 8.0 on. */
const routes = [
  ['deb:trixie', 'deb:trixie'],
  ['deb:sid', 'deb:sid'],
  ['deb:trixie', 'deb:sid'],
  ['deb:sid', 'deb:trixie'],
] as const;
/** The last type without seed 002's fix, and the first one with it; every QEMU from 9.1 on knows both. */
const machineTypes = ['pc-q35-9.0', 'pc-q35-9.1'];

/**
 * The kernel's own VFIO, in a nested guest, with its sample driver mtty as a device that migrates:
 * 1. seed 002: the scenario of the catalogue, cell by cell, on every pair of builds, before and from the fix on
 * 2. seed 004: the order in which the destination loads, by its own trace
 * 3. the stand-in for the kernel gives the same verdict each time, at the same offset, in the same order
 * 4. what is wrong with a device is told in QEMU's own words, through the nested guest too, and its QEMU ends with the process that stands for it
 */
describe("the kernel's own VFIO", function () {
  this.timeout(10 * 60_000);
  const undo = new DisposeStack();
  const builds = new Map<string, Build>();
  let host: NestedHost;
  let kernel: Bed;
  let pretended: Bed;
  let scenario: Scenario;

  before(async function () {
    // Its kernel is of x86, and so are the builds only there.
    if (process.arch !== 'x64') this.skip();
    this.timeout(20 * 60_000);
    const folder = PrivateFolder.create();
    undo.defer(() => folder[Symbol.dispose]());
    const deadline = Deadline.after(60 * 60_000);
    for (const name of routes.flat()) builds.set(name, await resolveBuild(name, { deadline }));
    const packages = await nestedPackages({ deadline });
    host = undo.use(await NestedHost.boot({ packages, build: built('deb:trixie'), folder: folder.path, deadline }));
    await loadMtty(host, packages);
    scenario = await seed002();
    kernel = kernelBed(host);
    pretended = standInBed(await standIn({ deadline }));
  });
  afterEach(() => removeDevices(host));
  after(() => undo[Symbol.asyncDispose]());

  function built(name: string): Build {
    const build = builds.get(name);
    if (!build) throw new UsageError(`${name} is no build of this test`);
    return build;
  }

  function routeOf([source, destination]: readonly [string, string]): [Build, Build] {
    return [built(source), built(destination)];
  }

  for (const names of routes) {
    const title = names.join(' → ');
    it(`seed 002, ${title}: each cell of the catalogue comes to the verdict that it has with the stand-in, and passes`, async () => {
      using logs = PrivateFolder.create();
      const cells = cellsOn(scenario, routeOf(names), machineTypes);
      const said: Record<string, string[]> = { kernel: [], pretended: [] };
      for (const [index, cell] of cells.entries()) {
        for (const [name, bed] of Object.entries({ kernel, pretended })) {
          const result = await playOn(bed, { scenario, cell, logFolder: join(logs.path, `${name}-${index}`) });
          said[name]?.push(told(cell, result));
        }
        await removeDevices(host);
      }
      expect(said['kernel']?.filter((line) => !line.includes(': passed, '))).to.deep.equal([]);
      expect(said['kernel']).to.deep.equal(said['pretended']);
      expect(said['kernel']).to.have.length.above(10);
    });

    it(`seed 004, ${title}: the order in which the destination loads`, async () => {
      const [source, destination] = routeOf(names);
      const asked = { source, destination, machineType: 'pc-q35-9.1', devices: { source: {}, destination: {} } };
      const order = ['vfio data-state', 'apic', 'ioapic', 'vfio config-state'];
      for (const bed of [kernel, pretended]) {
        const { class: came, loaded, says } = await migrateVfio(bed, asked);
        expect(came, says).to.equal('completed');
        expect(loaded).to.deep.equal(order);
      }
    });
  }

  it("tells in QEMU's own words that there is no such device", async () => {
    await using pad = new Launchpad();
    const words = ['-device', 'vfio-pci,sysfsdev=/sys/bus/mdev/devices/none'];
    const error = await failure(
      pad.launch({ build: host.nest(built('deb:trixie')), machineType: 'q35', words }),
      LaunchError,
    );
    expect(error.message).to.include('exited with status 1').and.include('sysfsdev=/sys/bus/mdev/devices/none: vfio ');
  });

  it('ends a QEMU of the nested guest with the process that stands for it', async () => {
    await using pad = new Launchpad();
    const machine = await pad.launch({ build: host.nest(built('deb:trixie')) });
    expect(await host.sh('pidof ld-linux-x86-64.so.2')).to.match(/^\d+$/);
    await machine.kill();
    await host.sh('while pidof ld-linux-x86-64.so.2; do usleep 10000; done');
  });

  it('refuses a build that the nested guest does not have', () => {
    const local = { ...built('deb:trixie'), name: '/usr/bin/qemu-system-x86_64' };
    expect(() => host.nest(local)).to.throw(UsageError, 'is no suite');
  });
});
