import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { Deadline } from '../../../../harness/core/deadline.js';
import { ConnectError, GuestError, UsageError } from '../../../../harness/core/errors.js';
import { SlofGuest, slofWords } from '../../../../harness/guest/slof/slof-guest.js';
import { failure } from '../../support/failure.js';
import { Launchpad } from '../../support/launchpad.js';
import { move } from '../payload/stage.js';
import { launchPseries } from '../rtas/stage.js';

/**
 * 1. SLOF carries out lines and RTAS calls, and goes on at the destination of a migration.
 * 2. A line that it does not know, a call without a token, a prompt that does not come and a machine that died are told.
 */
describe("SLOF's prompt", function () {
  this.timeout(120_000);

  it('is a guest that migrates', async () => {
    await using pad = new Launchpad();
    const machine = await launchPseries(pad, { words: [...slofWords] });
    await using guest = await SlofGuest.attach(machine, Deadline.after(60_000));
    expect(await guest.forth('1 2 + .')).to.equal('3');
    const unknown = await failure(guest.forth('nonsense'), GuestError);
    expect(unknown.message).to.match(/^SLOF did not carry out 'nonsense': it answered 'nonsense Undefined word'$/);
    expect((await failure(guest.rtas('ibm,nonsense', [], 1), UsageError)).message).to.match(/^SLOF has no token/);
    const granted = await guest.changeMsi('00:00.0', { function: 1, count: 3 });
    expect(granted).to.deep.equal({ status: 0, count: 3, sequence: 2, type: 2 });
    expect((await guest.changeMsi('00:01.0', { function: 1, count: 1 })).status).to.equal(-3);

    const destination = await launchPseries(pad, { words: [...slofWords], incoming: true, label: 'destination' });
    await move(machine, destination);
    await guest.arrive(destination);
    await destination.qmp.execute('cont');
    expect(await guest.forth('5 .')).to.equal('5');
    await destination.kill();
    const dead = await failure(guest.forth('6 .'), ConnectError);
    expect(dead.message).to.match(/^the terminal of SLOF (?:was closed|broke)/);
  });

  it('that does not come is told of', async () => {
    await using pad = new Launchpad();
    const machine = await launchPseries(pad, { words: [...slofWords] });
    const thrown = await failure(SlofGuest.attach(machine, Deadline.after(1500)), GuestError);
    expect(thrown.message).to.match(
      /^SLOF did not come to its prompt: waited \d+ ms for SLOF after its prompt; (?:last seen: ".*"|nothing was seen)$/,
    );
  });

  it('that cannot be started is waited for by nobody', async () => {
    await using pad = new Launchpad();
    const machine = await launchPseries(pad, { words: [...slofWords] });
    machine.qmp.close();
    await failure(machine.qmp.execute('query-status'));
    await setImmediate();
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    await failure(SlofGuest.attach(machine, Deadline.after(60_000)));
    expect(timers()).to.equal(before);
  });
});
