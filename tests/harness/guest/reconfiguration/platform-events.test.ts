import { expect } from 'chai';
import { GuestError } from '../../../../harness/core/errors.js';
import type { HotplugRequest } from '../../../../harness/guest/reconfiguration/event-log.js';
import { PlatformEvents } from '../../../../harness/guest/reconfiguration/platform-events.js';
import { failure } from '../../support/failure.js';
import { PlayedPlatform } from './played-platform.js';

const [first, second] = [0x40000008, 0x40000010];
const add = (index: number): HotplugRequest => ({ action: 'add', index });
const remove = (index: number): HotplugRequest => ({ action: 'remove', index });

/**
 * What a guest remembers of the requests of a platform that is played:
 * 1. One that was kept waits for its turn, and is taken once, though the platform asked twice on end.
 * 2. Whoever takes a request forgets what was asked of that connector before, and nothing that was asked after it or of others.
 * 3. Who goes on elsewhere knows what was told; what is taken there is still there for who stayed.
 * 4. Too many events are an error, and RAM is as it was.
 */
describe('the events of a platform', () => {
  const told = (events: PlatformEvents, wanted: HotplugRequest): Promise<string> =>
    failure(events.take(wanted, 'the slot'), GuestError).then(({ message }) => message);

  it('wait for their turn, and are taken once', async () => {
    const platform = PlayedPlatform.asking([add(first), add(first), add(second)]);
    const events = new PlatformEvents(platform);
    await events.take(add(second), 'the slot');
    await events.take(add(first), 'the slot');
    expect(await told(events, add(first))).to.equal(
      'the platform asks for nothing to add in the slot: check-exception told of nothing',
    );
    expect(platform.isUntouched).to.equal(true);
  });

  it('are forgotten with a later one of their connector', async () => {
    for (const [stale, later] of [
      [add, remove],
      [remove, add],
    ] as const) {
      const events = new PlatformEvents(PlayedPlatform.asking([stale(first), stale(second), later(first)]));
      await events.take(later(first), 'the slot');
      expect(await told(events, stale(first))).to.match(/told of (?:add|remove) 0x40000010$/);
      await events.take(stale(second), 'the slot');
    }
  });

  it('are kept with an earlier one of their connector', async () => {
    const events = new PlatformEvents(
      PlayedPlatform.asking([add(first), remove(first), add(first), remove(first), add(second)]),
    );
    await events.take(add(second), 'the slot');
    for (const wanted of [add(first), remove(first), add(first), remove(first)]) await events.take(wanted, 'the slot');
    expect(await told(events, remove(first))).to.match(/told of nothing$/);
  });

  it('are known where the guest goes on', async () => {
    const here = new PlatformEvents(PlayedPlatform.asking([add(first), add(second)]));
    await here.take(add(second), 'the slot');
    const there = new PlatformEvents(PlayedPlatform.asking([remove(second)]), here);
    await there.take(add(first), 'the slot');
    expect(await told(there, add(first))).to.match(/told of remove 0x40000010$/);
    await here.take(add(first), 'the slot');
  });

  it('have an end', async () => {
    // More than anybody takes; a platform that went on for ever would hold the test with it.
    const platform = PlayedPlatform.asking(Array.from({ length: 2000 }, () => add(second)));
    expect(await told(new PlatformEvents(platform), add(first))).to.equal(
      'check-exception told of 1000 events when asked to add in the slot, and of no end; the last one is add 0x40000010',
    );
    expect(platform.isUntouched).to.equal(true);
  });
});
