import { expect } from 'chai';
import fc from 'fast-check';
import { leastRate, passesFor, roundsToMeasure } from '../../../harness/bisect/repeat.js';

const confidence = fc.double({ min: 0.5, max: 0.999, noNaN: true });
const tally = fc
  .integer({ min: 1, max: 60 })
  .chain((played) => fc.record({ failed: fc.integer({ min: 1, max: played }), played: fc.constant(played) }));

/**
 * 1. The bound is Clopper's and Pearson's: known values, below what was seen, lower for a higher confidence, tighter with more rounds.
 * 2. The passes are the fewest with which a build that fails at the rate would pass with at most the probability left.
 * 3. Measuring ends, and not before there are enough failures to tell.
 */
describe('repeating a verdict', () => {
  it('the lowest likely rate has the values of the tables', () => {
    expect(leastRate({ failed: 5, played: 5 }, 0.95)).to.be.closeTo(0.05 ** (1 / 5), 1e-9);
    expect(leastRate({ failed: 1, played: 20 }, 0.95)).to.be.closeTo(1 - 0.95 ** (1 / 20), 1e-9);
    expect(leastRate({ failed: 5, played: 10 }, 0.95)).to.be.closeTo(0.2224, 5e-5);
    expect(leastRate({ failed: 0, played: 10 }, 0.95)).to.equal(0);
  });

  it('the lowest likely rate is below what was seen, and lower for a higher confidence', () => {
    const check = fc.property(tally, confidence, confidence, (seen, one, other) => {
      const [less, more] = [Math.min(one, other), Math.max(one, other)];
      const rate = leastRate(seen, less);
      expect(rate).to.be.within(0, seen.failed / seen.played);
      expect(leastRate(seen, more)).to.be.at.most(rate + 1e-12);
    });
    fc.assert(check);
  });

  it('twice the rounds with twice the failures bring it nearer to what was seen', () => {
    const check = fc.property(tally, ({ failed, played }) => {
      const twice = { failed: 2 * failed, played: 2 * played };
      expect(leastRate(twice, 0.95)).to.be.at.least(leastRate({ failed, played }, 0.95));
    });
    fc.assert(check);
  });

  it('passes are as few as the confidence allows', () => {
    expect(passesFor(1, 0.99)).to.equal(1);
    expect(passesFor(0.5, 0.99)).to.equal(7);
    expect(passesFor(0.9, 0.99)).to.equal(2);
    const check = fc.property(fc.double({ min: 0.001, max: 0.999, noNaN: true }), confidence, (rate, sure) => {
      const passes = passesFor(rate, sure);
      expect((1 - rate) ** passes).to.be.at.most((1 - sure) * (1 + 1e-6));
      if (passes > 1) expect((1 - rate) ** (passes - 1)).to.be.above((1 - sure) * (1 - 1e-6));
    });
    fc.assert(check);
  });

  it('measuring ends with enough failures, or with enough rounds', () => {
    expect(roundsToMeasure({ failed: 1, played: 5 })).to.equal(9);
    expect(roundsToMeasure({ failed: 10, played: 12 })).to.equal(0);
    expect(roundsToMeasure({ failed: 1, played: 48 })).to.equal(2);
    expect(roundsToMeasure({ failed: 1, played: 50 })).to.equal(0);
  });
});
