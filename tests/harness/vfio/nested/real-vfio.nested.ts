import { expect } from 'chai';
import { after, afterEach, before } from 'mocha';
import { join } from 'node:path';
import type { Build } from '../../../../harness/build/build.js';
import { resolveBuild } from '../../../../harness/build/resolve.js';
import { Deadline } from '../../../../harness/core/deadline.js';
import { LaunchError, UsageError } from '../../../../harness/core/errors.js';
import { DisposeStack } from '../../../../harness/core/dispose.js';
import { PrivateFolder } from '../../../../harness/machine/private-folder.js';
import type { CellShape, Scenario } from '../../../../harness/scenario/definition.js';
import { standIn } from '../../../../harness/vfio/stand-in/library.js';
import { failure } from '../../support/failure.js';
import { Launchpad } from '../../support/launchpad.js';
import { type Bed, kernelBed, removeDevices, standInBed } from './beds.js';
import { catalogue, cellsOn, playOn, told } from './catalogue.js';
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
const vendorSpecific = 'seed 002, vendor-specific capability';
const loadOrder = 'seed 004, configuration space after the interrupt controller';
/** The last type without seed 002's fix, and the first one with it; every QEMU from 9.1 on knows both. */
const ofSeed002 = ['pc-q35-9.0', 'pc-q35-9.1'];
/** The other chipset, and the types of q35 on which the two builds may differ. */
const ofSeed004 = ['pc-i440fx-10.0', 'pc-q35-{7.2,10.0,11.1}'];

/** Cells of a scenario: those on these builds and machine types, of all or of some options. */
interface Played {
  names: readonly [source: string, destination: string];
  machines: string[];
  only?: (cell: CellShape) => boolean;
}

/** What cells came to on the two beds, a line each. */
type Said = Record<'kernel' | 'pretended', string[]>;

/**
 * The kernel's own VFIO, in a nested guest, with its sample driver mtty as a device that migrates:
 * 1. seed 002: the scenario of the catalogue, cell by cell, on every pair of builds, before and from the fix on
 * 2. seed 004: the same, through the relay that keeps the stream; and with multifd, where the order is a race and either end of it is known
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
  let scenarioOf: (title: string) => Scenario;

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
    scenarioOf = await catalogue();
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

  /** Plays each cell of a scenario on both beds; what they came to, in the same order. */
  async function played(scenario: Scenario, { names, machines, only = () => true }: Played): Promise<Said> {
    using logs = PrivateFolder.create();
    const said: Said = { kernel: [], pretended: [] };
    for (const [index, cell] of cellsOn(scenario, routeOf(names), machines).filter(only).entries()) {
      for (const [name, bed] of [
        ['kernel', kernel],
        ['pretended', pretended],
      ] as const) {
        const result = await playOn(bed, { scenario, cell, logFolder: join(logs.path, `${name}-${index}`) });
        said[name].push(told(cell, result));
      }
      await removeDevices(host);
    }
    return said;
  }

  for (const names of routes) {
    const title = names.join(' → ');
    it(`seed 002, ${title}: each cell of the catalogue comes to the verdict that it has with the stand-in, and passes`, async () => {
      const said = await played(scenarioOf(vendorSpecific), { names, machines: ofSeed002 });
      expect(said.kernel.filter((line) => !line.includes(': passed, '))).to.deep.equal([]);
      expect(said.kernel).to.deep.equal(said.pretended);
      expect(said.kernel).to.have.length.above(10);
    });

    it(`seed 004, ${title}: each cell of the catalogue comes to the verdict that it has with the stand-in, and passes`, async () => {
      const said = await played(scenarioOf(loadOrder), { names, machines: ofSeed004 });
      const sent = 'sent as vfio data-state → apic → ioapic → vfio';
      expect(said.kernel.filter((line) => !line.endsWith(`: passed, completed, ${sent}`))).to.deep.equal([]);
      expect(said.kernel).to.deep.equal(said.pretended);
      expect(said.kernel).to.have.length.above(2);
    });

    it(`seed 004, ${title}, with multifd: each cell of the catalogue passes, or fails as is known of it`, async () => {
      // It is a race, so that the two beds need not come to the same; the catalogue knows by whom it may be lost.
      const once = ({ options }: CellShape): boolean => options['time'] === '1';
      const said = await played(scenarioOf(`${loadOrder}, with multifd`), { names, machines: ofSeed004, only: once });
      const wrong = [...said.kernel, ...said.pretended].filter((line) => !/: (?:passed|known \(.*\)), /.test(line));
      expect(wrong).to.deep.equal([]);
      expect(said.kernel).to.have.length.above(0);
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
