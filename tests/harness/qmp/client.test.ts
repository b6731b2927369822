import { join } from 'node:path';
import { expect } from 'chai';
import { Deadline } from '../../../harness/core/deadline.js';
import { ConnectError, StateError, WaitTimeoutError } from '../../../harness/core/errors.js';
import type { Machine } from '../../../harness/machine/machine.js';
import { QmpClient } from '../../../harness/qmp/client.js';
import { ExecuteError, ExecuteInterruptedError } from '../../../harness/qmp/errors.js';
import { isEvent } from '../../../harness/qmp/messages.js';
import { failure, noUnhandledRejection } from '../support/failure.js';
import { Launchpad, pidOf } from '../support/launchpad.js';

const soon = (): Deadline => Deadline.after(5000);

/**
 * Against real QEMU, an old and a recent one:
 * 1. Greeting and negotiation over unix and TCP.
 * 2. Any number of commands in flight, each with its own answer; refusals in QEMU's words; out-of-band.
 * 3. Events reach who registered before the act.
 * 4. A QEMU that dies fails what is in flight with the one honest answer: nobody can know.
 */
for (const build of ['bookworm', 'trixie'] as const) {
  describe(`QMP of ${build}`, () => {
    let pad: Launchpad;
    let machine: Machine;
    let qmp: QmpClient;

    before(async () => {
      pad = new Launchpad();
      const path = join(pad.folder, 'more');
      const more = [`unix:${path},server=on,wait=off`, 'tcp:127.0.0.1:0,server=on,wait=off'];
      machine = await pad.launch({ build, words: more.flatMap((server) => ['-qmp', server]) });
      ({ qmp } = machine);
    });

    after(() => pad[Symbol.asyncDispose]());

    it('greets', () => {
      const { major, minor, micro } = qmp.greeting.QMP.version.qemu;
      expect(`${major}.${minor}.${micro}`).to.equal(machine.spec.build.version.text);
      expect(qmp.greeting.QMP.capabilities).to.include('oob');
    });

    it('is reached over a unix socket', async () => {
      await using client = await QmpClient.dial(`unix:${join(pad.folder, 'more')}`, { deadline: soon() });
      expect(await client.execute('query-status')).to.include({ running: false });
    });

    it('is reached over TCP', async () => {
      const devices = await qmp.execute('query-chardev');
      const port = devices.map(({ filename }) => /tcp:127\.0\.0\.1:(\d+)/.exec(filename)?.[1]).find((found) => found);
      await using client = await QmpClient.dial(`tcp:127.0.0.1:${port}`, { deadline: soon() });
      expect(await client.execute('query-version')).to.deep.equal(qmp.greeting.QMP.version);
    });

    it('answers each of many commands in flight', async () => {
      const names = ['query-name', 'query-uuid', 'query-status', 'query-version', 'query-chardev'] as const;
      const alone = await Promise.all(names.map((name) => qmp.execute(name)));
      const answers = await Promise.all(
        Array.from({ length: 1000 }, (_, index) => qmp.execute(names[index % names.length] ?? 'query-name')),
      );
      for (const [index, answer] of answers.entries()) expect(answer).to.deep.equal(alone[index % names.length]);
    });

    it('refuses in its own words', async () => {
      const refused = await failure(qmp.execute('device_add', { driver: 'nonsense' }), ExecuteError);
      expect(refused).to.include({ code: 'execute', command: 'device_add', errorClass: 'GenericError' });
      expect(refused.description).to.match(/'nonsense' is not a valid device model/);
      const unknown = await failure(qmp.execute('fly-to-tasmania', { nonstop: true }), ExecuteError);
      expect(unknown.errorClass).to.equal('CommandNotFound');
      const ill = await failure(qmp.execute<string>('query-status', { surplus: 1 }), ExecuteError);
      expect(ill.message).to.match(/^query-status: .*surplus/);
    });

    it('takes commands out of band where that was negotiated, and says so of those that cannot be', async () => {
      const deadline = Deadline.after(10_000);
      await using other = await QmpClient.dial(`unix:${join(pad.folder, 'more')}`, { deadline, outOfBand: true });
      const [paused, ordinary] = await Promise.all([
        failure(other.execute('migrate-pause', undefined, { outOfBand: true }), ExecuteError),
        failure(other.execute('query-status', undefined, { outOfBand: true }), ExecuteError),
      ]);
      expect(paused.description).to.match(/migrate-pause/);
      expect(ordinary.description).to.match(/query-status.*does not support OOB/);
    });

    it('tells events to who registered before the act', async () => {
      const next = (name: 'RESUME' | 'STOP'): Promise<string> =>
        qmp.events.until({
          what: name,
          goal: (seen) => (isEvent(seen, name) ? seen.event : undefined),
          deadline: soon(),
        });
      for (let round = 0; round < 20; round += 1) {
        const resumed = next('RESUME');
        await qmp.execute('cont');
        expect(await resumed).to.equal('RESUME');
        const stopped = next('STOP');
        await qmp.execute('stop');
        expect(await stopped).to.equal('STOP');
      }
    });

    it('fails what is in flight when it is killed', async () => {
      await using here = new Launchpad();
      const victim = await here.launch({ build });
      const event = victim.qmp.events.until({ what: 'anything', goal: (seen) => seen, deadline: soon() });
      await noUnhandledRejection(async () => {
        process.kill(pidOf(victim), 'SIGSTOP');
        const failures = [victim.qmp.execute('query-status'), victim.qmp.execute('quit')].map((command) =>
          failure(command, ExecuteInterruptedError),
        );
        await victim.kill();
        for (const error of await Promise.all(failures)) {
          expect(error.code).to.equal('execute-interrupted');
          expect(error.message).to.match(/was sent, and .* before the answer came$/);
        }
      });
      expect((await failure(event, ConnectError)).message).to.match(/^QMP: the connection (broke|was closed)/);
      const late = await failure(victim.qmp.execute('query-status'), StateError);
      expect(late.message).to.match(/^query-status was not sent: QMP: the connection/);
    });

    it('gives up on a command alone when no answer comes', async () => {
      await using here = new Launchpad();
      const sleeper = await here.launch({ build });
      process.kill(pidOf(sleeper), 'SIGSTOP');
      const deadline = Deadline.after(30);
      const late = await failure(sleeper.qmp.execute('query-status', undefined, { deadline }), WaitTimeoutError);
      expect(late.message).to.match(/^QMP did not answer query-status within \d+ ms$/);
      process.kill(pidOf(sleeper), 'SIGCONT');
      expect(await sleeper.qmp.execute('query-name')).to.be.an('object');
    });
  });
}
