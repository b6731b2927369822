import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type GuestKernel, guestKernel } from '../../../../harness/build/deb/guest-kernel.js';
import { Deadline } from '../../../../harness/core/deadline.js';
import { ExitedError, GuestError, UsageError } from '../../../../harness/core/errors.js';
import { bootLinux } from '../../../../harness/guest/linux/boot.js';
import { cpioArchive } from '../../../../harness/guest/linux/image/cpio.js';
import { imageWords, type LinuxImage, linuxImage } from '../../../../harness/guest/linux/image/initramfs.js';
import type { Machine } from '../../../../harness/machine/machine.js';
import { completedMigration } from '../../../../harness/migration/completed.js';
import { isEvent } from '../../../../harness/qmp/messages.js';
import { failure } from '../../support/failure.js';
import { Launchpad, type LaunchWish } from '../../support/launchpad.js';

const soon = { timeoutMs: 20_000 };
const late = () => Deadline.after(40_000);

/** Moves the guest of one machine to another that has the same words and waits for it; the one that is left stands still. */
async function move(source: Machine, destination: Machine): Promise<void> {
  const uri = `unix:${join(destination.options.folder, 'stream')}`;
  for (const { qmp } of [source, destination]) {
    await qmp.execute('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] });
  }
  const completed = [source, destination].map((machine) =>
    completedMigration(machine, `the ${machine.label} to complete`, late()),
  );
  await destination.qmp.execute('migrate-incoming', { uri });
  await source.qmp.execute('migrate', { uri });
  await Promise.all(completed);
}

/**
 * 1. The kernel and busybox of a Debian suite boot on every build, with their drivers; what the kernel says stays out of the shell.
 * 2. A command that runs while the guest migrates goes on, and one that was sent to a paused guest runs once, on the destination.
 * 3. Whatever is wrong with what is booted, or breaks later, comes as a GuestError that shows the guest's last words.
 */
describe('a Linux guest', function () {
  this.timeout(90_000);
  let kernel: GuestKernel;
  let image: LinuxImage;
  let pad: Launchpad;

  before(async () => {
    kernel = await guestKernel('deb:bookworm', { arch: 'x86_64', fetch: true, deadline: Deadline.after(80_000) });
    image = await linuxImage(kernel);
  });

  beforeEach(() => {
    pad = new Launchpad();
  });

  afterEach(() => pad[Symbol.asyncDispose]());

  const launch = (changes: Partial<LinuxImage> = {}, wish: LaunchWish = {}): Promise<Machine> =>
    pad.launch({
      build: 'trixie',
      ...{ machineType: 'pc-q35-7.2', memoryMiB: 128, serials: 2, words: imageWords({ ...image, ...changes }) },
      ...wish,
    });

  /** A machine whose /init is that script, with busybox as its shell. */
  const withInit = async (script: string): Promise<Machine> => {
    const initrd = join(pad.folder, 'initrd');
    const archive = cpioArchive([
      { path: 'bin', kind: 'folder' },
      { path: 'dev', kind: 'folder' },
      { path: 'bin/sh', kind: 'file', content: readFileSync(kernel.busybox), mode: 0o755 },
      { path: 'dev/console', kind: 'character', major: 5, minor: 1 },
      { path: 'dev/ttyS1', kind: 'character', major: 4, minor: 65 },
      { path: 'init', kind: 'file', content: Buffer.from(`#!/bin/sh\n${script}\n`), mode: 0o755 },
    ]);
    writeFileSync(initrd, archive);
    return launch({ initrd });
  };

  for (const build of ['bookworm', 'trixie'] as const) {
    it(`boots on ${build}, and runs commands`, async () => {
      const machine = await launch({}, { build, label: 'vm' });
      await using booted = await bootLinux(machine, { deadline: late() });
      const { session } = booted;
      expect((await session.run('uname -r', soon)).output).to.equal(`${kernel.version}\n`);
      const loaded = (await session.run('lsmod', soon)).output;
      for (const module of ['virtio_net', 'virtio_blk', 'virtio_balloon']) expect(loaded).to.include(`${module} `);
      const mounts = (await session.run('cut -d " " -f 2 /proc/mounts', soon)).output.split('\n');
      expect(mounts).to.include.members(['/proc', '/sys', '/dev', '/dev/pts', '/tmp', '/run']);
      expect(await session.run('modprobe virtio_blk && ifconfig lo | grep -c RUNNING', soon)).to.deep.equal({
        output: '1\n',
        status: 0,
      });
      const noisy = await session.run("echo '<1>a word of the kernel' >/dev/kmsg; echo said", soon);
      expect(noisy.output).to.equal('said\n');
      // The two ports are two sockets, which are read in any order.
      await session.run('usleep 100000', soon);
      expect(readFileSync(join(pad.folder, 'vm.console'), 'utf8'))
        .to.include('Linux version')
        .and.include('a word of the kernel');
      expect(readFileSync(join(pad.folder, 'vm.shell'), 'utf8'))
        .to.include('lsmod')
        .and.not.include('Linux version');
    });
  }

  it('migrates with a command running, and with one that it has not read yet', async () => {
    const source = await launch({}, { label: 'source' });
    await using booted = await bootLinux(source, { deadline: late() });
    const { session } = booted;
    await session.startTicking(10);
    await session.run('echo 0 >/tmp/runs', soon);
    const startedMs = performance.now();
    const running = session.run('i=0; while [ $i -lt 300 ]; do echo $i; usleep 5000; i=$((i+1)); done', soon);
    await session.ticks.next(late());
    const destination = await launch({}, { label: 'destination', incoming: true });
    await move(source, destination);
    const stoppedMs = performance.now();
    expect(await destination.qmp.execute('query-status')).to.include({ status: 'paused' });
    await booted.moveTo(destination);
    await destination.qmp.execute('cont');
    expect((await running).output).to.equal(Array.from({ length: 300 }, (_, line) => `${line}\n`).join(''));
    const gapMs = await session.ticks.gapUpToNext(startedMs, late());
    expect(gapMs).to.be.above(0);
    expect(session.ticks.count(stoppedMs, performance.now())).to.be.above(0);
    await source.kill();

    const third = await launch({}, { label: 'third', incoming: true });
    await destination.qmp.execute('stop');
    const unread = session.run('echo $(($(cat /tmp/runs) + 1)) >/tmp/runs; cat /tmp/runs', soon);
    await move(destination, third);
    await booted.moveTo(third);
    await destination.kill();
    await third.qmp.execute('cont');
    expect(await unread).to.deep.equal({ output: '1\n', status: 0 });
    expect((await session.run('cat /tmp/runs', soon)).output).to.equal('1\n');
  });

  it('tells of a panic to whoever waits, and to whoever comes later', async () => {
    const machine = await launch({}, { label: 'vm' });
    await using booted = await bootLinux(machine, { deadline: late() });
    const crash = await failure(booted.session.run('echo c >/proc/sysrq-trigger', soon), GuestError);
    expect(crash.message).to.match(/^the guest's kernel said "(?:Kernel panic - not syncing|BUG:|Oops:).*"; the last/);
    expect(crash.message)
      .to.include('sysrq')
      .and.not.match(/[\x00-\x09\x0b-\x1f]/);
    expect(await failure(booted.session.run('echo later', soon))).to.equal(crash);
  });

  it('tells of the end of its QEMU', async () => {
    const machine = await launch({}, { label: 'vm' });
    await using booted = await bootLinux(machine, { deadline: late() });
    const running = booted.session.run('sleep 60', soon);
    await machine.kill();
    expect((await failure(running)).constructor.name).to.be.oneOf(['ExitedError', 'ConnectError']);
  });

  const bad: { name: string; start: () => Promise<Machine>; says: RegExp; waitMs?: number }[] = [
    {
      name: 'a kernel that is broken',
      start: () => {
        const path = join(pad.folder, 'kernel');
        // QEMU itself refuses a file without a kernel's header.
        writeFileSync(path, readFileSync(kernel.kernel).fill(0xcc, 0x10000));
        return launch({ kernel: path });
      },
      says: /no shell of the guest answered within 3000 ms; nothing came from it$/,
      waitMs: 3000,
    },
    {
      name: 'an initrd that is none',
      start: () => {
        const path = join(pad.folder, 'initrd');
        writeFileSync(path, 'no archive at all\n'.repeat(5000));
        return launch({ initrd: path });
      },
      says: /the guest's kernel said "(?:Kernel panic - not syncing: )?VFS: Unable to mount root/,
    },
    {
      name: 'an init that is not there',
      start: () => launch({ append: `${image.append} rdinit=/none` }),
      says: /the guest's kernel said "(?:Kernel panic - not syncing: )?VFS: Unable to mount root/,
    },
    {
      name: 'an init that ends',
      start: () => withInit('exit 0'),
      says: /the guest's kernel said "Kernel panic - not syncing: Attempted to kill init!/,
    },
    {
      name: 'an init that hangs',
      start: () => withInit('while :; do :; done'),
      says: /no shell of the guest answered within 6000 ms; nothing came from it/,
      waitMs: 6000,
    },
    {
      name: 'a flooded console',
      start: () => withInit('while :; do echo "a flood of words"; done'),
      says: /within 12000 ms; nothing came from it\nthe last of the guest's console:\n(?:.*\n)*.*a flood of words/,
      waitMs: 12_000,
    },
    {
      name: 'nonsense where a shell should be',
      start: () => withInit('while read -r x; do printf "?%s\\033[2J\\036\\n" "$x"; done </dev/ttyS1 >/dev/ttyS1'),
      says: /no shell of the guest answered within 12000 ms; the last of its output:\n(?:.*\n)*\?/,
      waitMs: 12_000,
    },
  ];
  for (const { name, start, says, waitMs } of bad) {
    it(`says that it did not boot: ${name}`, async () => {
      const machine = await start();
      const deadline = Deadline.after(waitMs ?? 40_000);
      const thrown = await failure(bootLinux(machine, { deadline }), GuestError);
      expect(thrown.message).to.match(/^the guest of the m\d+ QEMU did not boot: /);
      expect(thrown.message).to.match(says).and.to.have.length.below(10_000);
      expect(thrown.message).to.not.match(/[\x00-\x09\x0b-\x1f]/);
    });
  }

  it('says that it did not boot: a QEMU that ends', async () => {
    const machine = await launch();
    const booting = bootLinux(machine, { deadline: late() });
    booting.catch(() => undefined);
    await machine.events.until({
      what: 'RESUME',
      goal: (event) => (isEvent(event, 'RESUME') ? true : undefined),
      deadline: late(),
    });
    await machine.qmp.execute('quit');
    const thrown = await failure(booting, GuestError);
    expect(thrown.message).to.include('exited with status 0');
    expect(thrown.cause).to.be.instanceOf(ExitedError);
  });

  it('needs its serial ports', async () => {
    const machine = await launch({}, { serials: 1 });
    const thrown = await failure(bootLinux(machine, { deadline: late() }), UsageError);
    expect(thrown.message).to.equal('the m1 QEMU has 1 serial ports: its Linux guest needs 2');
  });
});
