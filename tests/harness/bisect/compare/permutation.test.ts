import { expect } from 'chai';
import fc from 'fast-check';
import { median, permutationTest, type Stratum } from '../../../../harness/bisect/compare/permutation.js';
import { seededNumbers } from '../../../../harness/run/seed.js';

const numbers = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 6 });
const strata: fc.Arbitrary<Stratum[]> = fc.array(fc.record({ base: numbers, patched: numbers }), {
  minLength: 1,
  maxLength: 4,
});
const options = { seed: 7, rounds: 999 };

/**
 * 1. Values worked out by hand.  2. A probability; the same for the same seed, and for either side.
 * 3. Samples that are alike say nothing, whatever the seed.  4. Where the build makes no difference p is as small as x in no more than a part x of
 * all comparisons, and not much less; where it does, it is small.
 */
describe('compare: permutation test', () => {
  it('is what counting by hand gives', () => {
    const two = permutationTest([{ base: [1, 2, 3], patched: [10, 11, 12] }], options);
    // Of 20 arrangements only this one and its mirror are as uneven.
    expect(two).to.include({ exact: true });
    expect(two.p).to.be.closeTo(2 / 20, 1e-12);
    // Ranks 1, 2.5, 2.5, 4 in twos, of which the sums are 3.5, 3.5, 5, 5, 6.5, 6.5: four are as far from 5.
    expect(permutationTest([{ base: [1, 2], patched: [2, 3] }], options).p).to.be.closeTo(4 / 6, 1e-12);
    // One run that took for ever is the last of its cell, and no more.
    const held = { base: [1, 2, 3], patched: [10, 11, 12_000] };
    expect(permutationTest([held], options).p).to.be.closeTo(2 / 20, 1e-12);
    // Signs of five pairs: two of 32 are as large.
    const pairs = Array.from({ length: 5 }, () => ({ base: [1], patched: [2] }));
    expect(permutationTest(pairs, options).p).to.be.closeTo(2 / 32, 1e-12);
    expect(median([1, 2, 4])).to.equal(2);
    expect(median([9, 1, 4, 2])).to.equal(3);
    expect(median([])).to.equal(0);
  });

  it('is a probability, the same for the same seed', () => {
    fc.assert(
      fc.property(strata, fc.nat(), (of, seed) => {
        const one = permutationTest(of, { seed, rounds: 199 });
        expect(one.p).to.be.greaterThan(0).and.at.most(1);
        expect(permutationTest(of, { seed, rounds: 199 })).to.deep.equal(one);
      }),
      { numRuns: 60 },
    );
  });

  it('knows no sides', () => {
    const turned = ({ base, patched }: Stratum): Stratum => ({ base: patched, patched: base });
    fc.assert(
      fc.property(strata, (of) => {
        const [one, other] = [permutationTest(of, options), permutationTest(of.map(turned), options)];
        // Drawn arrangements are others when the sides are: 999 of them tell p to a few hundredths.
        expect(other.p).to.be.closeTo(one.p, one.exact ? 1e-12 : 0.12);
      }),
      { numRuns: 60 },
    );
  });

  it('says nothing of samples that are alike', () => {
    fc.assert(
      fc.property(fc.array(numbers, { minLength: 1, maxLength: 6 }), fc.nat(), (of, seed) => {
        const alike = of.map((values) => ({ base: values, patched: values }));
        expect(permutationTest(alike, { seed, rounds: 99 })).to.deep.include({ p: 1 });
      }),
      { numRuns: 60 },
    );
    expect(permutationTest([], options)).to.deep.include({ p: 1 });
    const zeroes = [{ base: [0, 0, 0, 0], patched: [0, 0, 0, 0] }];
    expect(permutationTest(zeroes, options)).to.deep.include({ p: 1 });
  });

  for (const [what, cells, runs] of [
    ['exact', 1, 6],
    ['drawn', 3, 5],
  ] as const) {
    it(`is as likely as it says where there is no difference (${what})`, () => {
      const random = seededNumbers(20_261_121);
      const sample = (shift: number): number[] => Array.from({ length: runs }, () => 10 + shift + random() ** 4 * 5);
      const trials = 400;
      const ps = (shift: number): number[] =>
        Array.from({ length: trials }, (_, seed) => {
          const of = Array.from({ length: cells }, () => ({ base: sample(0), patched: sample(shift) }));
          const { p, exact } = permutationTest(of, { seed, rounds: 999 });
          expect(exact).to.equal(what === 'exact');
          return p;
        });
      const part = (of: readonly number[], limit: number): number => of.filter((p) => p <= limit).length / trials;
      const under = ps(0);
      // Three standard errors of 400 trials.
      for (const limit of [0.05, 0.1, 0.25, 0.5]) {
        const slack = 3 * Math.sqrt((limit * (1 - limit)) / trials);
        expect(part(under, limit), `p up to ${limit}`).to.be.within(limit / 2 - slack, limit + slack);
      }
      expect(part(ps(8), 0.05), 'a shift beyond all noise').to.be.greaterThan(0.95);
    });
  }
});
