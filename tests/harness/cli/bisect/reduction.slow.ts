import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { Sandbox } from '../sandbox.js';

const bridgeSupport = 'ICH9-LPC.acpi-pci-hotplug-with-bridge-support';

/** Counts its plays in a file, and fails in two of three as long as `broken` holds. */
const nowAndThen = (broken: string): string => `
  const file = 'plays';
  const plays = existsSync(file) ? readFileSync(file, 'utf8').length : 0;
  writeFileSync(file, '.'.repeat(plays + 1));
  await journey.migrate();
  const broken = ${broken};
  expect(broken && plays % 3 !== 2, 'broken this time').to.equal(false);`;

const slotsAreOff = `!(await journey.machine.qmp.execute('qom-get', { property: 'acpi-pci-hotplug-with-bridge-support', path:
  '/machine/unattached/' + (await journey.machine.qmp.execute('qom-list', { path: '/machine/unattached' })).find(
    ({ type }) => type === 'child<ICH9-LPC>').name }))`;

/**
 * 1. A failure that comes now and then: what is asked is asked often enough, and the report says how often and why.
 * 2. A device that each side has in its own way stays, in the scenario file too.
 * 3. A reduction that was cut short goes on with the cells that it knows, to the same answer; another question in its folder is refused.
 */
describe('godwit bisect --properties and --minimise, again', () => {
  let sandbox: Sandbox;
  beforeEach(() => (sandbox = new Sandbox()));
  afterEach(async () => {
    const left = await sandbox.leftovers(1000);
    sandbox[Symbol.dispose]();
    expect(left).to.deep.equal([]);
  });

  const played = (): number => sandbox.verdicts('godwit-bisect').length;
  const properties = (file: string, ...words: string[]) =>
    sandbox.godwit(
      ...['bisect', '--properties', file, '--good', 'pc-q35-6.1', '--bad', 'pc-q35-6.0', '--source', 'deb:bookworm'],
      ...words,
    );

  it('asks about a property as often as a failure that comes now and then wants', async () => {
    const file = sandbox.scenario('rare', { rare: nowAndThen(slotsAreOff) }, "machines: 'pc-q35-6.{0,1}',");
    const { exitCode, stdout, stderr } = await properties(file, '--jobs', '1');
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.match(new RegExp(`^${bridgeSupport} makes the difference`));
    expect(stdout).to.match(/The bad end failed 10 of 15 times, so at least [\d.]+ % .*; \d+ passes without a failure/);
  });

  it('makes a cell smaller that fails now and then', async () => {
    const devices =
      "machines: 'pc-q35-7.2', devices: '-device pcie-root-port,id=a,chassis=1 -device pcie-root-port,id=b,chassis=2',";
    const broken = "journey.machine.words.join(' ').includes('id=b')";
    const file = sandbox.scenario('port', { port: nowAndThen(broken) }, devices);
    const { stdout, stderr } = await sandbox.godwit(
      'bisect',
      '--minimise',
      file,
      '--source',
      'deb:trixie',
      '--jobs',
      '1',
    );
    expect(stdout, stderr).to.include('still fails in the same way with 1 device,');
    expect(stdout).to.match(/The bad end failed 10 of 1[45] times/);
  });

  it('makes a cell smaller whose sides differ in a device behind the stand-in for VFIO, and keeps that device', async () => {
    const sides = `vfio: () => ({
      source: { vendorSpecific: [1, 2], properties: { addr: '0x4' } },
      destination: { vendorSpecific: [1, 3], properties: { addr: '0x4', 'skip-vsc-check': 'off' } },
    }),`;
    const body = 'await journey.guest.boot(); expect(await journey.migrate()).to.be.completed;';
    const file = sandbox.scenario('vsc', { vsc: body }, `devices: '-device virtio-rng-pci', ${sides}`);
    const { exitCode, stdout, stderr } = await sandbox.godwit('bisect', '--minimise', file, '--source', 'deb:trixie');
    expect(exitCode, stderr).to.equal(0);
    expect(stdout)
      .to.include('still fails in the same way with no devices')
      .and.include('Vendor-Specific byte 0x4 of vfio0')
      .and.include('  vfio of the scenario: { source: { vendorSpecific: [1, 2],')
      .and.match(/minimal.scenario.ts is a scenario of it, and fails in the same way/);
  });

  it('goes on where it was cut short, and refuses another question', async () => {
    const body = `await journey.migrate(); expect(${slotsAreOff}, 'slots').to.equal(false);`;
    const file = sandbox.scenario('slots', { slots: body }, "machines: 'pc-q35-6.{0,1}',");
    const whole = await properties(file);
    expect(whole.exitCode, whole.stderr).to.equal(0);
    const all = played();
    const record = sandbox.path('godwit-bisect', 'record.ndjson');
    const lines = readFileSync(record, 'utf8').split('\n');
    writeFileSync(record, `${lines.slice(0, Math.floor(lines.length / 2)).join('\n')}\n{"cut`);

    const again = await properties(file);
    expect(again.stderr).to.match(/^going on with godwit-bisect: \d+ cells are known/m);
    expect(again.stdout.split('\n')[0]).to.equal(whole.stdout.split('\n')[0]);
    expect(played()).to.equal(all);
    expect((await properties(file)).stdout.split('\n')[0]).to.equal(whole.stdout.split('\n')[0]);
    expect(played(), 'all is known').to.equal(all);

    const other = await properties(file, '--destination', 'deb:trixie');
    expect(other.exitCode).to.equal(2);
    expect(other.stderr).to.match(/answers another question: builds is .*; accepted: another --output, or --fresh/);
    const fresh = await properties(file, '--fresh');
    expect(fresh.stderr).not.to.include('going on');
  });
});
