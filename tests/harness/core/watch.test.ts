import { expect } from 'chai';
import { Deadline } from '../../../harness/core/deadline.js';
import { ConnectError, WaitImpossibleError, WaitTimeoutError } from '../../../harness/core/errors.js';
import { type Awaited, Watch } from '../../../harness/core/watch.js';
import { failure, noUnhandledRejection, timersRunning } from '../support/failure.js';

/** Waits for a number above nine; a negative one makes it impossible. */
function big(deadline = Deadline.after(5000)): Awaited<number, string> {
  return {
    what: 'a big number',
    goal: (seen) => (seen > 9 ? `got ${seen}` : undefined),
    impossible: (seen) => (seen < 0 ? `${seen} is negative` : undefined),
    deadline,
  };
}

/**
 * 1. A wait ends at the goal, at an impossible state, at its deadline or at the end of the watch, and says what it waited for.
 * 2. What is registered before an act sees what the act causes, and is no fault when nobody asks for it any more.
 * 3. No timer is left behind, however it ends.
 */
describe('a watch', () => {
  it('gives what the goal makes of what was seen', async () => {
    const watch = new Watch<number>();
    const found = watch.until(big());
    watch.publish(3);
    watch.publish(12);
    watch.publish(13);
    expect(await found).to.equal('got 12');
    expect(timersRunning()).to.equal(0);
  });

  it('serves everybody who waits', async () => {
    const watch = new Watch<number>();
    const all = Promise.all([watch.until(big()), watch.until({ ...big(), goal: (seen) => seen }), watch.until(big())]);
    watch.publish(4);
    watch.publish(10);
    expect(await all).to.deep.equal(['got 10', 4, 'got 10']);
  });

  it('fails at once when the goal has become impossible', async () => {
    const watch = new Watch<number>();
    const found = watch.until(big());
    watch.publish(-1);
    const error = await failure(found, WaitImpossibleError);
    expect(error.message).to.equal('a big number cannot happen any more: -1 is negative');
    expect(timersRunning()).to.equal(0);
  });

  it('names what it waited for and what it saw last when the deadline passes', async () => {
    const watch = new Watch<number>((seen) => `number ${seen}`);
    const nothing = await failure(watch.until(big(Deadline.after(5))), WaitTimeoutError);
    expect(nothing.message).to.match(/^waited \d+ ms for a big number; nothing was seen$/);
    watch.publish(7);
    const seven = await failure(watch.until(big(Deadline.after(5))), WaitTimeoutError);
    expect(seven.message).to.match(/^waited \d+ ms for a big number; last seen: number 7$/);
    expect(seven).to.deep.include({ code: 'wait-timeout', data: { awaited: 'a big number' } });
  });

  it('fails with the reason of its end, before and after', async () => {
    const watch = new Watch<number>();
    const before = watch.until(big());
    const reason = new ConnectError('it is over');
    watch.end(reason);
    watch.end(new ConnectError('it is over again'));
    watch.publish(12);
    expect(await failure(before)).to.equal(reason);
    expect(await failure(watch.until(big()))).to.equal(reason);
    expect(timersRunning()).to.equal(0);
  });

  it('tells a listener of the end that came before it, unless it has left again', async () => {
    const watch = new Watch<number>();
    const reason = new ConnectError('it is over');
    watch.end(reason);
    const told: unknown[] = [];
    watch.listen(
      () => undefined,
      (end) => told.push(end),
    );
    watch.listen(
      () => undefined,
      () => told.push('a listener that has left'),
    )();
    expect(told).to.deep.equal([]);
    await Promise.resolve();
    expect(told).to.deep.equal([reason]);
  });

  it('sees what the act causes when it was registered before the act', async () => {
    for (let round = 0; round < 100; round += 1) {
      const watch = new Watch<number>();
      const found = watch.until(big());
      const act = round % 2 === 0 ? Promise.resolve() : new Promise<void>((resolve) => setImmediate(resolve));
      watch.publish(10 + round);
      await act;
      expect(await found).to.equal(`got ${10 + round}`);
    }
  });

  it('is no unhandled rejection when the act fails and nobody awaits it', async () => {
    await noUnhandledRejection(() => {
      const watch = new Watch<number>();
      void watch.until(big());
      void watch.until(big(Deadline.after(1)));
      watch.end(new ConnectError('it is over'));
      void watch.until(big());
    });
  });

  it('hands on what a goal throws', async () => {
    const watch = new Watch<number>();
    const found = watch.until({
      ...big(),
      goal: () => {
        throw new RangeError('not like this');
      },
    });
    watch.publish(1);
    expect((await failure(found, RangeError)).message).to.equal('not like this');
    expect(timersRunning()).to.equal(0);
  });

  it('forgets a listener that has left', () => {
    const watch = new Watch<number>();
    const seen: number[] = [];
    const leave = watch.listen((one) => {
      seen.push(one);
      leave();
    });
    watch.publish(1);
    watch.publish(2);
    expect(seen).to.deep.equal([1]);
  });
});
