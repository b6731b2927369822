import { expect } from 'chai';
import fc from 'fast-check';
import { minimised, type Shown } from '../../../harness/bisect/delta-debugging.js';

const places = (count: number): number[] => Array.from({ length: count }, (_, place) => place);
const includesAll = (set: readonly number[], wanted: readonly number[]): boolean =>
  wanted.every((place) => set.includes(place));

/** Answers from a function of one set, and counts what is asked. */
class Asked {
  readonly sets: string[] = [];
  rounds = 0;

  constructor(private readonly answer: (set: readonly number[]) => Shown) {}

  readonly shown = (subsets: readonly (readonly number[])[]): Promise<Shown[]> => {
    this.rounds += 1;
    this.sets.push(...subsets.map((set) => set.join(' ')));
    return Promise.resolve(subsets.map(this.answer));
  };
}

/**
 * 1. What is needed together is found, alone or among others, and nothing else is left; so it is when some sets cannot be judged.
 * 2. Whatever the answers are, no single piece of what is left can be taken away, and no set is asked twice.
 * 3. Where there is one smallest set, it is found: all of them compared.
 */
describe('delta debugging', () => {
  it('finds what is needed together', async () => {
    const any = fc
      .integer({ min: 1, max: 40 })
      .chain((count) => fc.tuple(fc.constant(count), fc.subarray(places(count))));
    await fc.assert(
      fc.asyncProperty(any, async ([count, wanted]) => {
        const asked = new Asked((set) => (includesAll(set, wanted) ? 'yes' : 'no'));
        expect(await minimised(places(count), asked.shown)).to.deep.equal(wanted);
      }),
    );
  });

  it('leaves nothing that can be taken away, whatever the answers, and asks no set twice', async () => {
    const count = 8;
    const shown = fc.constantFrom<Shown>('yes', 'no', 'unresolved');
    await fc.assert(
      fc.asyncProperty(fc.array(shown, { minLength: 2 ** count, maxLength: 2 ** count }), async (answers) => {
        const all = 2 ** count - 1;
        const numberOf = (set: readonly number[]): number => set.reduce((sum, place) => sum + 2 ** place, 0);
        const answer = (set: readonly number[]): Shown =>
          numberOf(set) === all ? 'yes' : (answers[numberOf(set)] ?? 'no');
        const asked = new Asked(answer);
        const left = await minimised(places(count), asked.shown);
        expect(answer(left)).to.equal('yes');
        for (const place of left) expect(answer(left.filter((other) => other !== place))).to.not.equal('yes');
        expect(new Set(asked.sets).size).to.equal(asked.sets.length);
      }),
    );
  });

  it('finds the smallest of all sets where bigger ones show it too, and either of two causes', async () => {
    const count = 7;
    const anySet = fc.subarray(places(count), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(anySet, anySet, async (one, other) => {
        const asked = new Asked((set) => (includesAll(set, one) || includesAll(set, other) ? 'yes' : 'no'));
        const left = await minimised(places(count), asked.shown);
        const minimal = [one, other].filter((set, index, both) => {
          const rest = both[1 - index] ?? [];
          return !(includesAll(set, rest) && rest.length < set.length);
        });
        expect(minimal).to.deep.include(left);
      }),
    );
  });

  it('goes round sets that cannot be judged: pieces that do not work without each other', async () => {
    // 3 shows it; 5 does not start without 6, nor 6 without 7.
    const starts = (set: readonly number[]): boolean =>
      (!set.includes(5) || set.includes(6)) && (!set.includes(6) || set.includes(7));
    const asked = new Asked((set) => (starts(set) ? (set.includes(3) ? 'yes' : 'no') : 'unresolved'));
    expect(await minimised(places(12), asked.shown)).to.deep.equal([3]);
  });

  it('takes few rounds for one piece of many', async () => {
    const asked = new Asked((set) => (set.includes(77) ? 'yes' : 'no'));
    expect(await minimised(places(100), asked.shown)).to.deep.equal([77]);
    expect(asked.rounds).to.be.at.most(9);
    expect(asked.sets.length).to.be.at.most(16);
  });

  it('has nothing to do where there is nothing', async () => {
    const asked = new Asked(() => 'no');
    expect(await minimised([], asked.shown)).to.deep.equal([]);
    expect(asked.rounds).to.equal(0);
  });
});
