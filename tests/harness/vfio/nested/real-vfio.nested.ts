import { expect } from 'chai';
import { after, afterEach, before } from 'mocha';
import { satisfies } from 'semver';
import type { Build } from '../../../../harness/build/build.js';
import { resolveBuild } from '../../../../harness/build/resolve.js';
import { Deadline } from '../../../../harness/core/deadline.js';
import { LaunchError, UsageError } from '../../../../harness/core/errors.js';
import { DisposeStack } from '../../../../harness/core/dispose.js';
import { PrivateFolder } from '../../../../harness/machine/private-folder.js';
import { type StandInDevice, standInCapabilities } from '../../../../harness/vfio/stand-in/device.js';
import { standIn } from '../../../../harness/vfio/stand-in/library.js';
import { type VendorSpecificRow, vendorSpecificTable } from '../../../migration/vfio/vendor-specific-table.js';
import { failure } from '../../support/failure.js';
import { Launchpad } from '../../support/launchpad.js';
import { type Bed, kernelBed, removeDevices, standInBed } from './beds.js';
import { migrateVfio, type VfioMigration } from './migration.js';
import { loadMtty } from './mtty-module.js';
import { NestedHost } from './nested-host.js';
import { nestedPackages } from './packages.js';

/** The kernel has VFIO migration of protocol v2, which QEMU speaks from 8.0 on. */
const routes = [
  ['deb:trixie', 'deb:trixie'],
  ['deb:sid', 'deb:sid'],
  ['deb:trixie', 'deb:sid'],
] as const;
/** The last types without seed 002's fix, and the first ones with it; every QEMU from 9.1 on knows both. */
const machineTypes = { 'up to 9.0': 'pc-q35-9.0', 'from 9.1': 'pc-q35-9.1' } as const;

const contents = [0x11, 0x22, 0x33, 0x44];
const others: Record<VendorSpecificRow['differs'], readonly number[]> = {
  nothing: contents,
  contents: [0x91, 0x22, 0x33, 0x44],
  length: [...contents, 0x55],
};

/** The rows for machine types of one kind. The fix is in 9.1 and later, which all of these builds are. */
function rowsFor(machines: string): VendorSpecificRow[] {
  return vendorSpecificTable.filter(
    (row) => satisfies('9.1.0', row.destination) && (row.machines ?? machines) === machines,
  );
}

/**
 * The kernel's own VFIO, in a nested guest, with its sample driver mtty as a device that migrates:
 * 1. seed 002: every row of the table for a vendor-specific capability that differs, on every pair of builds and both kinds of machine types
 * 2. seed 004: the order in which the destination loads, by its own trace
 * 3. the stand-in for the kernel gives the same verdict each time, at the same offset, in the same order
 * 4. what is wrong with a device is told in QEMU's own words, through the nested guest too, and its QEMU ends with the process that stands for it
 */
describe("the kernel's own VFIO", function () {
  this.timeout(3 * 60_000);
  const undo = new DisposeStack();
  const builds = new Map<string, Build>();
  let host: NestedHost;
  let kernel: Bed;
  let pretended: Bed;

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

  function wish(
    route: readonly [string, string],
    machineType: string,
    devices: readonly StandInDevice[],
  ): VfioMigration {
    const [source = {}, destination = {}] = devices;
    return { source: built(route[0]), destination: built(route[1]), machineType, devices: { source, destination } };
  }

  for (const route of routes) {
    for (const [machines, machineType] of Object.entries(machineTypes)) {
      for (const row of rowsFor(machines)) {
        const check = row.skipVscCheck === undefined ? '' : `, skip-vsc-check=${row.skipVscCheck}`;
        const title = `${route.join(' → ')}, ${machineType}: ${row.differs} of the vendor-specific capability differs${check}`;
        it(`seed 002, ${title}`, async () => {
          const properties = row.skipVscCheck && { properties: { 'skip-vsc-check': row.skipVscCheck } };
          const asked = wish(route, machineType, [
            { vendorSpecific: contents, ...properties },
            { vendorSpecific: others[row.differs], ...properties },
          ]);
          const real = await migrateVfio(kernel, asked);
          const told = { class: real.class, refusedAt: real.refusedAt };
          expect(told, real.says).to.deep.equal(
            row.refusedAt === undefined
              ? { class: 'completed', refusedAt: undefined }
              : { class: 'load-failure', refusedAt: standInCapabilities.vendorSpecific + row.refusedAt },
          );
          const stood = await migrateVfio(pretended, asked);
          expect({ class: stood.class, refusedAt: stood.refusedAt }, stood.says).to.deep.equal(told);
        });
      }
    }

    it(`seed 002, ${route.join(' → ')}: the capability is not there on the destination`, async () => {
      const asked = wish(route, machineTypes['from 9.1'], [{ vendorSpecific: contents }, {}]);
      for (const bed of [kernel, pretended]) {
        const { class: came, says } = await migrateVfio(bed, asked);
        expect(came, says).to.equal('load-failure');
      }
    });

    it(`seed 004, ${route.join(' → ')}: the order in which the destination loads`, async () => {
      const asked = wish(route, machineTypes['from 9.1'], [{}, {}]);
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
