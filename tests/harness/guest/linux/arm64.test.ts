import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Build } from '../../../../harness/build/build.js';
import { type GuestKernel, guestKernel } from '../../../../harness/build/deb/guest-kernel.js';
import { resolveBuild } from '../../../../harness/build/resolve.js';
import { Deadline } from '../../../../harness/core/deadline.js';
import { GuestError, UsageError } from '../../../../harness/core/errors.js';
import { imageWords, linuxImage } from '../../../../harness/guest/linux/image/initramfs.js';
import { LinuxGuest } from '../../../../harness/guest/linux/linux-guest.js';
import { type LinuxSystem, linuxSystem } from '../../../../harness/guest/linux/system.js';
import type { Machine } from '../../../../harness/machine/machine.js';
import { migrate } from '../../../../harness/migration/migrate.js';
import { failure } from '../../support/failure.js';
import { Launchpad } from '../../support/launchpad.js';

const late = () => Deadline.after(60_000);
const suites = ['bookworm', 'trixie'] as const;

/**
 * 1. The same Linux of arm64 boots on every build, with a shell on a port that every build has, apart from the kernel's console; whether
 *    its QEMU is one whose virt machine could have two ports of its own or not, it has one.
 * 2. It goes from machine to machine while its memory is written.
 * 3. A kernel that panics is told of, and an architecture without a Linux is named with those that there are.
 */
describe('a Linux guest of arm64', function () {
  this.timeout(120_000);
  const builds = new Map<string, Build>();
  let kernel: GuestKernel;
  let system: LinuxSystem;
  let pad: Launchpad;

  before(async function () {
    this.timeout(600_000);
    const options = { arch: 'aarch64', fetch: true, deadline: Deadline.after(580_000) };
    for (const suite of suites) builds.set(suite, await resolveBuild(`deb:${suite}`, options));
    kernel = await guestKernel('deb:bookworm', options);
    system = await linuxSystem({}, options);
  });

  beforeEach(() => {
    pad = new Launchpad();
  });

  afterEach(() => pad[Symbol.asyncDispose]());

  const launch = (suite: string, label: string, incoming = false): Promise<Machine> => {
    const build = builds.get(suite);
    if (!build) throw new UsageError(`no build ${suite}`);
    const words = [...system.words, '-device', 'virtio-rng-pci'];
    return pad.launch({ build, machineType: 'virt-7.2', memoryMiB: 160, serials: 2, words, label, incoming });
  };
  const attach = (machine: Machine): Promise<LinuxGuest> =>
    LinuxGuest.attach(machine, { system, deadline: late(), resumed: false });

  for (const suite of suites) {
    it(`boots on ${suite}, with its console on one port and its shell on another`, async () => {
      const machine = await launch(suite, 'vm');
      await using guest = await attach(machine);
      expect(await guest.sh('uname -m; uname -r')).to.equal(`aarch64\n${kernel.version}`);
      const bound = (await guest.pciDevices()).map(({ driver }) => driver);
      expect(bound).to.have.members([undefined, 'virtio-pci', 'serial']);
      expect(await guest.sh('grep -c . /proc/tty/driver/ttyAMA; ls /sys/class/tty | grep AMA')).to.equal('2\nttyAMA0');
      await guest.sh("echo '<1>a word of the kernel' > /dev/kmsg");
      // The two ports are two sockets, which are read in any order.
      await guest.sh('usleep 100000');
      const heard = (name: string): string => readFileSync(join(pad.folder, `vm.${name}`), 'utf8');
      expect(heard('console')).to.include('Linux version').and.include('a word of the kernel');
      expect(heard('shell')).to.include('uname -m').and.not.include('Linux version');
    });
  }

  // 7.2 forgets what is written under TCG now and then (tests/migration/known-issues.ts, tcg-dirty-bitmap).
  it('goes there and back on trixie while its memory is written', async () => {
    const first = await launch('trixie', 'first');
    await using guest = await attach(first);
    const load = await guest.loadMemory(4);
    let here = first;
    for (const label of ['second', 'third']) {
      const there = await launch('trixie', label, true);
      const outcome = await migrate(here, there, {
        plan: {},
        deadline: late(),
        look: () => Promise.resolve({ config: new Map(), parts: [] }),
        runs: true,
        onPhase: () => undefined,
      });
      expect(outcome.class, JSON.stringify(outcome.findings)).to.equal('completed');
      await guest.arrive(there);
      await there.qmp.execute('cont');
      await here.kill();
      await load.rounds(1);
      here = there;
    }
    await load.verify();
  });

  it('tells of a panic', async () => {
    const machine = await launch('trixie', 'vm');
    await using guest = await attach(machine);
    const crash = await failure(guest.sh('echo c > /proc/sysrq-trigger'), GuestError);
    expect(crash.message).to.match(
      /^the guest's kernel said "(?:Kernel panic - not syncing|Oops|.*\[#1\]).*"; the last/,
    );
  });

  it('is not there for every architecture', async () => {
    const thrown = await failure(linuxSystem({}, { arch: 'ppc64', fetch: false, deadline: late() }), UsageError);
    const accepted = 'no Linux guest is known for the architecture "ppc64": accepted are x86_64, aarch64';
    expect(thrown.message).to.equal(accepted);
    expect((await failure(linuxImage({ ...kernel, arch: 'ppc64' }), UsageError)).message).to.equal(accepted);
  });

  it('has a kernel line, and an initramfs, of its own', async () => {
    const image = await linuxImage(kernel);
    expect(image.append)
      .to.match(/^console=ttyAMA0 /)
      .and.not.include('tsc=');
    expect(readFileSync(image.initrd).includes('</dev/ttyS0 >/dev/ttyS0')).to.equal(true);
    expect(system.words).to.deep.equal(imageWords(image));
  });
});
