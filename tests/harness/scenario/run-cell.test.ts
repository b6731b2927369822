import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { topology } from '../../../harness/machine/topology.js';
import type { CellResult } from '../../../harness/record/events.js';
import type { Journey } from '../../../harness/scenario/definition.js';
import { expect } from '../../../harness/scenario/expectations.js';
import type { KnownIssue } from '../../../harness/scenario/known-issue.js';
import { pidOf } from '../support/launchpad.js';
import { processesNaming, Stage } from './stage.js';

const never = (): Promise<never> => new Promise(() => undefined);

async function completes({ migrate }: Journey): Promise<void> {
  expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
}

const slotIssue: KnownIssue = {
  name: 'slot',
  source: 'a bug report',
  builds: { destination: '<8.1' },
  machineTypes: ['pc-q35'],
  side: 'destination',
  evidence: /Slot Status.*PDS/,
};
const otherIssue: KnownIssue = { ...slotIssue, name: 'other', evidence: /nothing of the kind/ };

/** The slot that the guest powered off: refused by bookworm's QEMU on pc-q35-6.0, taken on pc-q35-7.2. */
const slotPoweredOff = {
  devices: topology('root-port-off-function-0'),
  async body(journey: Journey) {
    const slot = await journey.guest.slot('pcie-root-port18');
    await slot.powerOn();
    await slot.powerOff();
    await completes(journey);
  },
};

/**
 * 1. Every verdict a cell can have, on real builds, with its reason and outcome.
 * 2. A QEMU that cannot start, dies or waits for ever, and a body that does, end the cell in time.
 * 3. Command lines and logs stay, in a folder of their owner; no process, socket or temporary folder does.
 * 4. The phases are where all of the time went.
 */
describe('one cell', () => {
  let stage: Stage;
  beforeEach(() => (stage = new Stage()));
  afterEach(() => {
    const left = stage.leftovers();
    stage[Symbol.dispose]();
    expect(left, 'nothing of the cell is left').to.deep.equal([]);
  });

  function sumOfPhases({ phasesMs }: CellResult): number {
    return Object.values(phasesMs).reduce((sum, ms) => sum + ms, 0);
  }

  it('passes, with its outcome and where its time went', async () => {
    const result = await stage.play({ devices: '-device pcie-root-port,id=port0', body: completes });
    expect(result).to.include({ verdict: 'passed', reason: '', accel: 'tcg' });
    expect(result.outcomes).to.have.length(1);
    expect(result.outcomes[0]).to.include({ class: 'completed', from: 'deb:bookworm', to: 'deb:bookworm' });
    expect(result.outcomes[0]).to.not.have.property('configSpace');
    expect(Object.keys(result.phasesMs)).to.have.members(['spawn', 'greeting', 'guest', 'migration', 'judging', 'end']);
    expect(sumOfPhases(result)).to.be.closeTo(result.durationMs, 0.01);
    expect(readdirSync(stage.logs)).to.have.members([
      ...['source.sh', 'source.stderr', 'source.qmp-transcript', 'reproduce.sh'],
      ...['destination.sh', 'destination.stderr', 'destination.qmp-transcript'],
    ]);
    expect(statSync(stage.logs).mode & 0o777).to.equal(0o700);
    expect(statSync(join(stage.logs, 'source.stderr')).mode & 0o777).to.equal(0o600);
    expect(statSync(join(stage.logs, 'reproduce.sh')).mode & 0o777).to.equal(0o700);
    expect(stage.log('destination.qmp-transcript'))
      .to.match(/^> .*"migrate-incoming"/m)
      .and.match(/^< .*"QMP"/m);
  });

  it('keeps its sockets where only this user can go', async () => {
    let mode = 0;
    await stage.play({
      body({ machine }) {
        mode = statSync(machine.options.folder).mode;
        return Promise.resolve();
      },
    });
    expect(mode & 0o777).to.equal(0o700);
  });

  it('fails, with the register that is to blame', async () => {
    const result = await stage.play(slotPoweredOff, { machineType: 'pc-q35-6.0' });
    expect(result.verdict).to.equal('failed');
    expect(result.reason).to.include('Slot Status of pcie-root-port18');
    expect(result.outcomes[0]).to.have.nested.property('destination.exitCode', 1);
    expect(result.findings[0]).to.include({ kind: 'config-mismatch', side: 'destination', device: 'pcie-root-port18' });
    expect(sumOfPhases(result)).to.be.closeTo(result.durationMs, 0.01);
    expect(stage.log('destination.stderr')).to.include('i=0x6e read: 18 device: 40');
  });

  it('is known when one of its expected issues is what happened, and only then', async () => {
    const known = [otherIssue, slotIssue];
    const result = await stage.play({ ...slotPoweredOff, known }, { machineType: 'pc-q35-6.0' });
    expect(result).to.include({ verdict: 'known', reason: 'slot: a bug report', knownIssue: 'slot' });
    const other = await stage.play({ ...slotPoweredOff, known: [otherIssue] }, { machineType: 'pc-q35-6.0' });
    expect(other.verdict).to.equal('failed');
    expect(other).to.not.have.property('knownIssue');
    const asked = await stage.play({ ...slotPoweredOff, known }, { machineType: 'pc-q35-6.0', knownIssues: false });
    expect(asked.verdict).to.equal('failed');
  });

  it('is fixed when the issue that is expected does not happen', async () => {
    const result = await stage.play({ ...slotPoweredOff, known: [slotIssue] });
    expect(result).to.include({ verdict: 'fixed', knownIssue: 'slot' });
    expect(result.reason).to.equal("the known issue 'slot' did not happen (a bug report)");
    const elsewhere = { ...slotIssue, builds: { destination: '<7' } };
    expect((await stage.play({ ...slotPoweredOff, known: [elsewhere] })).verdict).to.equal('passed');
    const nowAndThen = { ...slotIssue, intermittent: true };
    expect((await stage.play({ ...slotPoweredOff, known: [nowAndThen] })).verdict).to.equal('passed');
  });

  it('is broken by a mistake in its body, and says where', async () => {
    const result = await stage.play({
      body: () => Promise.reject(new TypeError('undefined is no function')),
    });
    expect(result.verdict).to.equal('broken');
    expect(result.reason).to.match(/^TypeError: undefined is no function \(at .*run-cell\.test\.ts/);
    const atOnce = await stage.play({
      body: () => {
        throw new TypeError('before its first await');
      },
    });
    expect(atOnce.reason).to.include('before its first await');
  });

  it('fails when a device of the destination does not exist, with its command line and log', async () => {
    const destination = () => ({ devices: '-device no-such-device,id=x' });
    const result = await stage.play({ destination, body: completes });
    expect(result.verdict).to.equal('failed');
    expect(result.reason).to.match(/^the destination QEMU \(deb:bookworm\) exited with status 1.*no-such-device/s);
    const [outcome] = result.outcomes;
    expect(outcome).to.include({ class: 'cannot-start', from: 'deb:bookworm', to: 'deb:bookworm' });
    expect(outcome?.destination.errorLines.join()).to.include("'no-such-device' is not a valid device model name");
    expect(stage.log('destination.sh')).to.include('no-such-device,id=x');
    expect(stage.log('reproduce.sh')).to.include('no-such-device,id=x');
    expect(stage.log('destination.stderr')).to.include('not a valid device model name');
  });

  it('fails when the source cannot start, without waiting for the destination', async () => {
    const result = await stage.play({ devices: '-device no-such-device', body: completes });
    expect(result.outcomes[0]).to.have.nested.property('source.exitCode', 1);
    expect(result).to.include({ verdict: 'failed' });
    expect(stage.log('source.sh')).to.include('no-such-device');
  });

  it('fails when a QEMU dies of itself, and is broken when the host ends it', async () => {
    const kill = (signal: string) => async (journey: Journey) => {
      process.kill(pidOf(journey.machine), signal);
      await completes(journey);
    };
    const crashed = await stage.play({ body: kill('SIGSEGV') });
    expect(crashed.verdict).to.equal('failed');
    expect(crashed.reason).to.match(/the source QEMU was ended by SIGSEGV/);
    expect(await stage.play({ body: kill('SIGKILL') }))
      .to.include({ verdict: 'broken' })
      .and.have.property('reason')
      .that.includes('was ended by SIGKILL');
    const duringMigration = await stage.play({
      async body({ machine, migrate }) {
        machine.events.listen(({ event }) => {
          if (event === 'MIGRATION') process.kill(pidOf(machine), 'SIGSEGV');
        });
        expect(await migrate()).to.be.completed;
      },
    });
    expect(duringMigration.outcomes[0]).to.include({ class: 'died' });
    expect(duringMigration).to.have.nested.property('outcomes[0].source.signal', 'SIGSEGV');
    expect(duringMigration.verdict).to.equal('failed');
  });

  it('is broken by a body that awaits for ever, soon after its deadline', async () => {
    const result = await stage.play({ timeoutMs: 2000, body: never });
    expect(result).to.include({
      verdict: 'broken',
      reason: 'the body of the scenario did not come to its end within 2000 ms',
    });
    expect(result.durationMs).to.be.within(2000, 15_000);
  });

  it('ends what a body starts after it was given up', async () => {
    let journey: Journey | undefined;
    await stage.play({
      // Long enough for a QEMU to start on a busy machine: only a body that began can go on.
      timeoutMs: 3000,
      hotplugs: true,
      body(given) {
        journey = given;
        return never();
      },
    });
    const late = journey?.migrate().catch((thrown: unknown) => thrown);
    expect(await late).to.match(/the cell is over/);
  });

  it('is broken where it cannot keep its logs', async () => {
    const result = await stage.play({ body: completes }, { logFolder: '/dev/null/logs' });
    expect(result.verdict).to.equal('broken');
    expect(result.reason).to.include('/dev/null/logs');
    expect(processesNaming('/dev/null/logs')).to.deep.equal([]);
  });
});
