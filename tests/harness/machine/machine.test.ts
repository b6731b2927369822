import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, watch } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Build } from '../../../harness/build/build.js';
import { Deadline } from '../../../harness/core/deadline.js';
import { ConnectError, ExitedError, LaunchError, StateError } from '../../../harness/core/errors.js';
import { splitWords } from '../../../harness/machine/words.js';
import { Machine } from '../../../harness/machine/machine.js';
import { parseDeviceLine } from '../../../harness/machine/device-line.js';
import { PrivateFolder } from '../../../harness/machine/private-folder.js';
import { QmpClient } from '../../../harness/qmp/client.js';
import { ExecuteError } from '../../../harness/qmp/errors.js';
import { failure, noUnhandledRejection } from '../support/failure.js';
import { Launchpad, pidOf, suite } from '../support/launchpad.js';

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** A build whose command is a shell script: a QEMU that does what the script says. */
async function pretending(script: string): Promise<Build> {
  return { ...(await suite('bookworm')), name: 'pretender', command: ['sh', '-c', script, 'qemu'], env: {} };
}

/**
 * 1. A machine starts, is reached, and leaves no process, socket or folder behind; what it said stays.
 * 2. What cannot start is a LaunchError with exit status, log and command line, soon.
 * 3. Its death fails at once whoever waits.
 * 4. Its printed command line works by hand.
 * 5. Its words follow what is plugged and unplugged.
 */
describe('a machine', () => {
  let pad: Launchpad;

  beforeEach(() => {
    pad = new Launchpad();
  });

  afterEach(() => pad[Symbol.asyncDispose]());

  it('starts on either build, and tells how long that took', async () => {
    for (const build of ['bookworm', 'trixie'] as const) {
      const phases: Record<string, number> = {};
      const machine = await pad.launch({ build, machineType: 'q35', onPhase: (phase, ms) => (phases[phase] = ms) });
      expect(await machine.qmp.execute('query-status')).to.include({ running: false });
      expect(machine.exited).to.equal(undefined);
      expect(phases).to.have.all.keys('spawn', 'greeting');
      expect(phases['greeting']).to.be.above(0);
    }
  });

  it('keeps everything to this user, and tells every line that was sent', async () => {
    const sent: string[] = [];
    const machine = await pad.launch({ label: 'source', onSend: (...words) => sent.push(words.join(' ')) });
    await machine.qmp.execute('query-name');
    await machine.qtest.in(0x21, 1);
    expect(statSync(pad.folder).mode & 0o777).to.equal(0o700);
    for (const file of readdirSync(pad.folder)) {
      expect(statSync(join(pad.folder, file)).mode & 0o077, file).to.equal(0);
    }
    expect(sent).to.deep.include('source qtest inb 0x21');
    expect(sent).to.deep.include('source qmp {"execute":"query-name"}');
    const transcript = readFileSync(join(pad.folder, 'source.qmp-transcript'), 'utf8');
    expect(transcript).to.match(/^< \{"QMP": .*\n> \{"execute":"qmp_capabilities".*\n< \{"return": \{\}\}\n> /);
  });

  it('starts in a folder with a comma in its name', async () => {
    using folder = PrivateFolder.create();
    const path = join(folder.path, 'a,b c');
    mkdirSync(path);
    await using machine = await Machine.launch(
      { build: await suite('bookworm'), machineType: 'none', accel: 'tcg', memoryMiB: 16, words: [], incoming: true },
      { label: 'm', folder: path, logFolder: path, deadline: Deadline.after(5000) },
    );
    expect(await machine.qmp.execute('query-status')).to.include({ status: 'inmigrate' });
  });

  it('leaves nothing but its logs when it is disposed, even when it is stopped', async () => {
    const machine = await pad.launch({ label: 'm' });
    const pid = pidOf(machine);
    process.kill(pid, 'SIGSTOP');
    await machine[Symbol.asyncDispose]();
    expect(isRunning(pid)).to.equal(false);
    expect(machine.exited).to.deep.equal({ signal: 'SIGKILL' });
    expect(machine.killedByUs).to.equal(true);
    expect(readdirSync(pad.folder).sort()).to.deep.equal(['m.qmp-transcript', 'm.stderr']);
    await machine[Symbol.asyncDispose]();
    await pad[Symbol.asyncDispose]();
    expect(existsSync(pad.folder)).to.equal(false);
  });

  it('is a LaunchError where it cannot start, with all that there is to know', async () => {
    const words = ['-device', 'nonsense,id=n0'];
    const startedMs = performance.now();
    const error = await failure(pad.launch({ label: 'destination', machineType: 'q35', words }), LaunchError);
    expect(performance.now() - startedMs).to.be.below(15_000, 'the deadline is at 20 s');
    expect(error.message).to.match(
      /^the destination QEMU \(deb:bookworm\) exited with status 1; the end of its log:\n/,
    );
    expect(error.message).to.include("'nonsense' is not a valid device model name");
    expect(error.data).to.include({ exitCode: 1, label: 'destination' });
    expect(error.data['log']).to.include("'nonsense' is not a valid device model name");
    expect(error.data['commandLine']).to.match(/-machine q35 .*-device nonsense,id=n0$/);
    expect(readdirSync(pad.folder)).to.have.members(['destination.stderr', 'destination.qmp-transcript']);
  });

  it('is a LaunchError where there is no such binary', async () => {
    const build = { ...(await suite('bookworm')), command: ['/nowhere/qemu-system-x86_64'] };
    const error = await failure(pad.launch({ build }), LaunchError);
    expect(error.message).to.match(/\/nowhere\/qemu-system-x86_64.* (No such file or directory|ENOENT)/s);
    expect(readdirSync(pad.folder)).to.have.length(2);
  });

  it('is a LaunchError where a binary never connects', async () => {
    const build = await pretending('exec sleep 60');
    const deadline = Deadline.after(50);
    const error = await failure(pad.launch({ build, label: 'm', deadline }), LaunchError);
    expect(error.message).to.equal('the m QEMU (pretender) has not connected to its monitor sockets within 50 ms');
    expect(readdirSync(pad.folder)).to.have.length(2);
  });

  it('is a LaunchError where the process dies of a signal, and no promise is left unhandled', async () => {
    await noUnhandledRejection(async () => {
      const error = await failure(pad.launch({ build: await pretending('echo so long; kill -SEGV $$') }), LaunchError);
      expect(error.message).to.match(/was ended by SIGSEGV; the end of its log:\nso long$/);
      expect(error.data).to.include({ signal: 'SIGSEGV' });
    });
  });

  it('quotes the end of a long log, and bounds the file', async () => {
    const build = await pretending('yes aaaaaaaaaaaaaaaaaaaaaaa | head -c 6000000; exit 3');
    const error = await failure(pad.launch({ build, label: 'm' }), LaunchError);
    expect(error.message).to.match(/exited with status 3/);
    expect(error.message.length).to.be.below(1000);
    expect(statSync(join(pad.folder, 'm.stderr')).size).to.be.within(4 * 1024 * 1024, 4 * 1024 * 1024 + 100);
  });

  it('fails at once whoever waits when it dies', async () => {
    const machine = await pad.launch({ label: 'source' });
    const deadline = Deadline.after(30_000);
    const event = failure(machine.events.until({ what: 'it', goal: (seen) => seen, deadline }), ExitedError);
    const irq = failure(machine.qtest.irqs.until({ what: 'it', goal: (seen) => seen, deadline }), ConnectError);
    const startedMs = performance.now();
    process.kill(pidOf(machine), 'SIGABRT');
    expect((await event).message).to.equal('the source QEMU was ended by SIGABRT and said nothing');
    await irq;
    expect(performance.now() - startedMs).to.be.below(15_000, 'the deadline is at 30 s');
    expect(machine).to.deep.include({ exited: { signal: 'SIGABRT' }, killedByUs: false });
    await failure(machine.events.until({ what: 'it', goal: (seen) => seen, deadline }), ExitedError);
    await failure(machine.qmp.execute('query-status'), StateError);
  });

  it('tells its exit status when it quits', async () => {
    const machine = await pad.launch();
    await machine.qmp.execute('quit');
    expect(await machine.exit).to.deep.equal({ exitCode: 0 });
  });

  it('ends all at once where a process is about to end', async () => {
    const machines = await Promise.all([pad.launch(), pad.launch({ build: 'trixie' })]);
    Machine.killAll();
    expect(await Promise.all(machines.map(({ exit }) => exit))).to.deep.equal(Array(2).fill({ signal: 'SIGKILL' }));
  });

  it('runs by hand as its command line is printed', async () => {
    const machine = await pad.launch({
      label: 'source',
      machineType: 'q35',
      words: ['-name', "it's a 'bird' of $HOME"],
    });
    using folder = PrivateFolder.create();
    const made = watch(folder.path);
    const signal = AbortSignal.timeout(10_000);
    const child = spawn('sh', ['-c', `exec env ${machine.printable}`], { cwd: folder.path, stdio: 'ignore' });
    try {
      const socket = join(folder.path, 'source.qmp');
      // It listens on the first when the second one appears.
      while (!existsSync(join(folder.path, 'source.qtest')))
        await Promise.race([once(made, 'change', { signal }), once(child, 'exit')]);
      await using qmp = await QmpClient.dial(`unix:${socket}`, { deadline: Deadline.after(10_000) });
      expect(await qmp.execute('query-name')).to.deep.equal({ name: "it's a 'bird' of $HOME" });
      expect(await qmp.execute('query-pci')).to.deep.equal(await machine.qmp.execute('query-pci'));
      await qmp.execute('quit');
      await once(child, 'exit');
    } finally {
      made.close();
      child.kill('SIGKILL');
    }
  });
});

describe('the words of a machine', () => {
  it('follow what is plugged and unplugged', async () => {
    await using pad = new Launchpad();
    const words = splitWords(
      '-device pcie-root-port,id=rp0,chassis=1 -device pcie-root-port,id=rp1,chassis=2 -device e1000e,id=n0,bus=rp0,romfile=',
    );
    for (const build of ['bookworm', 'trixie'] as const) {
      const machine: Machine = await pad.launch({ build, machineType: 'q35', words });
      expect(machine.words).to.equal(words);
      await failure(machine.addDevice(parseDeviceLine('e1000e,id=n0,bus=rp0')), ExecuteError);
      await failure(machine.addDevice(parseDeviceLine('nonsense,id=n1')), ExecuteError);
      expect(machine.words).to.equal(words);
      const plugged = 'virtio-serial-pci,id=s0,bus=rp1,addr=0x0,max_ports=0x4,ioeventfd=off';
      await machine.addDevice(parseDeviceLine(plugged));
      expect(machine.words).to.deep.equal([...words, '-device', plugged]);
      machine.forgetDevice('n0');
      expect(machine.words.filter((word) => word.includes('e1000e'))).to.deep.equal([]);
      expect(machine.spec.words).to.equal(words);
    }
  });
});
