import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import tmp from 'tmp';
import { packageRoot } from '../../../../harness/core/package-root.js';
import { Sandbox } from '../sandbox.js';

const slotScenario = join(packageRoot, 'dist', 'tests', 'migration', 'slot-power-off.scenario.js');

/** The devices of the slot scenario among nineteen others, with what these need, and words that nobody needs. */
const crowded = `
  -global i8042.extended-state=on -smp 2
  -netdev hubport,id=net0,hubid=0 -netdev hubport,id=net1,hubid=0
  -blockdev driver=null-co,node-name=disk0,read-zeroes=on -blockdev driver=null-co,node-name=disk1,read-zeroes=on
  -object rng-random,id=rng0,filename=/dev/urandom -object iothread,id=thread0 -chardev null,id=char0
  -device pcie-root-port,id=port1,chassis=1,slot=1,bus=pcie.0,addr=0x4
  -device virtio-net-pci,netdev=net0,bus=port1,romfile=
  -device pcie-root-port,id=port2,chassis=2,slot=2,bus=pcie.0,addr=0x5
  -device virtio-blk-pci,drive=disk0,iothread=thread0,bus=port2
  -device pcie-root-port,id=port3,chassis=3,slot=3,bus=pcie.0,addr=0x6
  -device virtio-scsi-pci,id=scsi0,bus=port3 -device scsi-hd,drive=disk1,bus=scsi0.0
  -device pcie-root-port,id=port4,chassis=4,slot=4,bus=pcie.0,addr=0x7
  -device qemu-xhci,id=usb,bus=port4 -device usb-tablet,bus=usb.0 -device usb-kbd,bus=usb.0
  -device driver=pcie-root-port,port=18,chassis=19,id=pcie-root-port18,bus=pcie.0,addr=0x12
  -device driver=nec-usb-xhci,p2=4,p3=4,id=nex-usb-xhci0,bus=pcie-root-port18,addr=0x12.0x1
  -device pcie-root-port,id=port5,chassis=5,slot=5,bus=pcie.0,addr=0x8 -device e1000e,netdev=net1,bus=port5,romfile=
  -device virtio-rng-pci,rng=rng0,bus=pcie.0,addr=0x9 -device virtio-balloon-pci,bus=pcie.0,addr=0xa
  -device virtio-serial-pci,id=serial0,bus=pcie.0,addr=0xb -device virtserialport,chardev=char0,bus=serial0.0,name=a
  -device isa-serial,index=0 -device virtio-blk-pci,drive=spare,bus=pcie.0,addr=0xc`;

/** Its guest does more than it need, with another slot too. */
const busy = `
  const { guest, machine, migrate } = journey;
  await machine.qmp.execute('query-status');
  const other = await guest.slot('port1');
  await other.powerOn();
  const slot = await guest.slot('pcie-root-port18');
  await slot.powerOn();
  await slot.powerOff();
  await machine.qmp.execute('query-pci');
  expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;`;

const extraOnSource = `
  devices: '-device virtio-rng-pci,addr=5 -device e1000e,addr=6,id=net -device virtio-balloon-pci',
  destination: () => ({ devices: '-device virtio-rng-pci,addr=5 -device virtio-balloon-pci -device qemu-xhci' }),`;

/**
 * 1. Twenty-one devices come down to the root port and the device in its slot, and what the body asks for to what it takes.
 * 2. What is left is a scenario file that fails in the same way when Godwit runs it, and a script that does without Godwit.
 * 3. Sides that differ are made smaller together; guests with a vCPU are; a body that does more than it asks for is named.
 * 4. What cannot be made smaller is refused with its reason; an interrupt ends it in order.
 */
describe('godwit bisect --minimise', () => {
  let sandbox: Sandbox;
  beforeEach(() => (sandbox = new Sandbox()));
  afterEach(async () => {
    const left = await sandbox.leftovers(1000);
    sandbox[Symbol.dispose]();
    expect(left).to.deep.equal([]);
  });

  function minimise(file: string, ...words: string[]) {
    return sandbox.godwit('bisect', '--minimise', file, '--source', 'deb:bookworm', '--jobs', '1', ...words);
  }

  function fileIn(output: string, name: string): string {
    return readFileSync(sandbox.path(output, name), 'utf8');
  }

  it('leaves of twenty-one devices the root port and what is in its slot', async () => {
    const more = `machines: 'pc-q35-6.0', memoryMiB: 64, disks: { spare: 8 }, devices: ${JSON.stringify(crowded)},`;
    const { exitCode, stdout, stderr } = await minimise(sandbox.scenario('crowded', { crowded: busy }, more));
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.match(
      /still fails in the same way with 2 devices, no other options, 2 properties, 2 actions\.\n/,
    );
    expect(stdout)
      .to.include('config-mismatch · pcie-root-port18 · Slot Status · PDS')
      .and.include('Left out: 19 devices, 2 other options,')
      .and.include('minimal.scenario.ts is a scenario of it, and fails in the same way.');
    expect(stderr).to.match(/^round \d+: 21 devices left, \d+ cells so far$/m);
    expect(fileIn('godwit-bisect', 'bisect.txt').trimEnd()).to.equal(stdout);
    const data = JSON.parse(fileIn('godwit-bisect', 'bisect.json')) as { words: string[]; usualMemory: boolean };
    expect(data.words).to.deep.equal([
      ...['-device', 'pcie-root-port,id=pcie-root-port18'],
      ...['-device', 'nec-usb-xhci,bus=pcie-root-port18'],
    ]);
    expect(data.usualMemory).to.equal(true);
    for (const file of ['report.html', 'junit.xml', 'record.ndjson'])
      expect(existsSync(sandbox.path('godwit-bisect', file)), file).to.equal(true);

    const file = fileIn('godwit-bisect', 'minimal.scenario.ts');
    expect(file).to.include(`  async body({ guest, migrate }) {
    const slot1 = await guest.slot('pcie-root-port18');
    await slot1.powerOff();
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },`);
    const again = await sandbox.godwit('run', 'godwit-bisect/minimal.scenario.ts', '--source', 'deb:bookworm');
    expect(again.exitCode).to.equal(1);
    expect(again.stdout).to.include('Slot Status of pcie-root-port18').and.include('PDS');
    const script = await execa('bash', [sandbox.path('godwit-bisect', 'reproduce.sh')], { timeout: 20_000 });
    expect(script.stdout).to.match(/get_pci_config_device: Bad config data: i=0x6e/);
  });

  it('makes both sides smaller together, and guests with a vCPU', async () => {
    const body = `for (const _ of [1, 2]) await journey.machine.qmp.execute('query-status');
      expect(await journey.migrate({ capabilities: { 'return-path': true } })).to.be.completed;`;
    const [scripted, payload] = await Promise.all([
      minimise(sandbox.scenario('sides', { sides: body }, extraOnSource), '--output', 'one'),
      minimise(
        sandbox.scenario('running', { running: body }, `guest: 'payload', ${extraOnSource}`),
        '--output',
        'other',
      ),
    ]);
    for (const { exitCode, stdout, stderr } of [scripted, payload]) {
      expect(exitCode, stderr).to.equal(0);
      expect(stdout).to.include('with 1 device, no other options, no properties, no actions');
      expect(stdout).to.include(
        'On the source:\n  -device e1000e\nOn the destination:\n  nothing but the machine itself',
      );
      expect(stdout).to.include("migrate({ capabilities: { 'return-path': true } })");
      expect(stdout).to.include('is a scenario of it, and fails in the same way');
    }
    expect(fileIn('other', 'minimal.scenario.ts')).to.include("guest: 'payload'").and.include("devices: ''");
  });

  it('says so when what is asked for does not tell what the body does', async () => {
    const body = `const [bus] = await journey.machine.qmp.execute('query-pci'); await journey.migrate();
      expect(bus.devices.some((one) => one.id.device === 0x10d3), 'an e1000e').to.equal(false);`;
    const file = sandbox.scenario('own', { own: body }, "devices: '-device virtio-rng-pci -device e1000e,addr=9',");
    const { exitCode, stdout } = await minimise(file);
    expect(exitCode).to.equal(0);
    expect(stdout).to.match(/with 1 device, no other options, no properties, 1 action/);
    expect(stdout).to.match(
      /does not fail in the same way \(it passed\): the body of 'own' in own.scenario.js does more/,
    );
  });

  it("runs what it wrote where the folder has no 'godwit' of its own", async () => {
    const elsewhere = tmp.dirSync({ unsafeCleanup: true });
    const words = ['--machine', 'pc-q35-6.0', '--output', elsewhere.name];
    const { exitCode, stdout, stderr } = await minimise(slotScenario, ...words);
    elsewhere.removeCallback();
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.include('is a scenario of it, and fails in the same way');
  });

  it('refuses what cannot be made smaller, with the reason', async () => {
    const bodies = {
      passes: 'await journey.migrate();',
      starts: 'await journey.migrate();',
      breaks: 'journey.nothing();',
    };
    const passes = sandbox.scenario('passes', { passes: bodies.passes });
    const starts = sandbox.scenario('starts', { starts: bodies.starts }, "devices: '-device e1000e,netdev=none',");
    const breaks = sandbox.scenario('breaks', { breaks: bodies.breaks });
    const ended = await Promise.all([
      minimise(passes, '--output', '1'),
      minimise(starts, '--output', '2'),
      minimise(breaks, '--output', '3'),
      minimise(slotScenario, '--machine', 'pc-q35-{6.0,6.1}'),
      minimise(slotScenario, '--grep', 'nothing like it'),
    ]);
    expect(ended.map(({ exitCode }) => exitCode)).to.deep.equal([2, 2, 3, 2, 2]);
    const told = ended.map(({ stderr }) => stderr);
    expect(told[0]).to.match(/passes \[.*\] passes: there is nothing to make smaller/);
    expect(told[1]).to.match(/does not start, .*exited with status 1/);
    expect(told[2]).to.match(/cannot be judged on this host, .*journey.nothing is not a function/);
    expect(told[3]).to.match(/wants one cell, and 2 are selected;.*\n {2}slot .*6\.0\]\n {2}slot .*6\.1\]/);
    expect(told[4]).to.match(/--grep nothing like it matches none/);
  });

  it('ends in order when it is interrupted', async () => {
    const more = `machines: 'pc-q35-6.0', disks: { spare: 8 }, devices: ${JSON.stringify(crowded)},`;
    const file = sandbox.scenario('crowded', { crowded: busy }, more);
    const search = sandbox.start('bisect', '--minimise', file, '--source', 'deb:bookworm');
    search.stderr.on('data', (chunk: Buffer) => {
      if (chunk.includes('round 4')) search.kill('SIGINT');
    });
    const { exitCode } = await search;
    expect(exitCode).to.equal(130);
    expect(sandbox.end('godwit-bisect')).to.include({ interrupted: true, exitStatus: 130 });
    expect(existsSync(sandbox.path('godwit-bisect', 'minimal.scenario.ts'))).to.equal(false);
  });
});
