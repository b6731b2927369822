import { expect } from 'chai';
import fc from 'fast-check';
import { fisherExact, type Tries } from '../../../../harness/bisect/compare/fisher.js';

const tries: fc.Arbitrary<Tries> = fc.record({ bad: fc.nat(12), good: fc.nat(12) });

// 1. Values worked out by hand.  2. From above 0 to 1, the same from either side and of either outcome.  3. Likeness is no evidence.
describe("compare: Fisher's exact test", () => {
  const byHand: [first: Tries, second: Tries, p: number, why: string][] = [
    [{ bad: 3, good: 1 }, { bad: 1, good: 3 }, 34 / 70, 'the lady tasting tea, who had six of eight cups right'],
    [{ bad: 4, good: 0 }, { bad: 0, good: 4 }, 2 / 70, 'and all eight'],
    [{ bad: 0, good: 5 }, { bad: 5, good: 0 }, 2 / 252, '10 over 5 tables, the two extreme ones'],
    [{ bad: 1, good: 0 }, { bad: 0, good: 1 }, 1, 'one run each says nothing'],
    [{ bad: 0, good: 3 }, { bad: 2, good: 1 }, 24 / 60, '2 bad of 6: 3, 9 and 3 of 15 tables'],
    [{ bad: 2, good: 0 }, { bad: 0, good: 0 }, 1, 'nothing to compare with'],
  ];
  for (const [first, second, p, why] of byHand)
    it(why, () => expect(fisherExact(first, second)).to.be.closeTo(p, 1e-9));

  it('is a probability, and knows no sides', () => {
    const turned = ({ bad, good }: Tries): Tries => ({ bad: good, good: bad });
    fc.assert(
      fc.property(tries, tries, (first, second) => {
        const p = fisherExact(first, second);
        expect(p).to.be.greaterThan(0).and.at.most(1);
        expect(fisherExact(second, first)).to.be.closeTo(p, 1e-9);
        expect(fisherExact(turned(first), turned(second))).to.be.closeTo(p, 1e-9);
      }),
    );
  });

  it('is 1 where both sides are alike', () => {
    fc.assert(fc.property(tries, (of) => void expect(fisherExact(of, of)).to.be.closeTo(1, 1e-6)));
  });
});
