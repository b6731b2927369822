import { expect } from 'chai';
import { Deadline } from '../../../harness/core/deadline.js';
import { guestTier } from '../../../harness/scenario/guests.js';
import { failure } from '../support/failure.js';

/** A guest with code of one architecture is made ready for that one, and refused for another with what there is. */
describe('what a guest is started from', () => {
  const tier = (kind: 'payload' | 'rtas' | 'slof', arch: string): ReturnType<typeof guestTier> =>
    guestTier(kind, { cold: false }, { arch, deadline: Deadline.after(10_000) });

  for (const [kind, own, other] of [
    ['payload', 'x86_64', 'ppc64'],
    ['rtas', 'ppc64', 'x86_64'],
    ['slof', 'ppc64', 'aarch64'],
  ] as const) {
    it(`is of one architecture: ${kind}`, async () => {
      expect((await tier(kind, own))?.kind).to.equal(kind);
      const refused = await failure(tier(kind, other));
      expect(refused).to.have.property('code', 'usage');
      expect(refused.message).to.match(
        new RegExp(`^there is no ${kind} guest for ${other}; there is one for: .*${own}`),
      );
    });
  }
});
