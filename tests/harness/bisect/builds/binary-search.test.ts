import { expect } from 'chai';
import fc from 'fast-check';
import { findChange } from '../../../../harness/bisect/builds/binary-search.js';
import type { Answer } from '../../../../harness/bisect/inquiry.js';

/** A row that changes at one place; its ends can be judged. */
const rows = fc
  .record({
    length: fc.integer({ min: 2, max: 40 }),
    ofFirst: fc.constantFrom('good' as const, 'bad' as const),
    change: fc.nat(),
    skipped: fc.array(fc.nat(), { maxLength: 12 }),
  })
  .map(({ length, ofFirst, change, skipped }) => {
    const ofLast = ofFirst === 'good' ? 'bad' : 'good';
    const first = 1 + (change % (length - 1));
    const unjudged = new Set(skipped.map((place) => place % length).filter((at) => at > 0 && at < length - 1));
    const answers = Array.from({ length }, (_, at): Answer => {
      if (unjudged.has(at)) return 'skip';
      return at < first ? ofFirst : ofLast;
    });
    return { answers, ofFirst, first };
  });

async function search(answers: readonly Answer[], ofFirst: 'good' | 'bad') {
  const asked: number[] = [];
  const toGo: number[] = [];
  const change = await findChange(answers.length, ofFirst, (place, left) => {
    asked.push(place);
    toGo.push(left);
    return Promise.resolve(answers[place] ?? 'skip');
  });
  return { ...change, asked, toGo };
}

/**
 * 1. Finds the change, or the narrowest range that what cannot be judged leaves; never asks twice, nor the ends.
 * 2. Asks no more than halving needs where all can be judged.
 * 3. Walks round what cannot be judged, the nearest neighbours first.
 */
describe('the first of a row that changes', () => {
  it('is found, or the range that what cannot be judged leaves', async () => {
    const check = fc.asyncProperty(rows, async ({ answers, ofFirst, first }) => {
      const { before, after, asked } = await search(answers, ofFirst);
      const lastBefore = answers.lastIndexOf(ofFirst, first - 1);
      const firstAfter = answers.findIndex((answer, at) => at >= first && answer !== 'skip');
      expect({ before, after }).to.deep.equal({ before: lastBefore, after: firstAfter });
      expect(new Set(asked).size).to.equal(asked.length);
      expect(asked)
        .to.not.include(0)
        .and.not.include(answers.length - 1);
    });
    await fc.assert(check);
  });

  it('is found with as few questions as halving needs', async () => {
    const check = fc.asyncProperty(rows, async ({ answers, ofFirst, first }) => {
      const whole = answers.map((_, at): Answer => (at < first ? ofFirst : ofFirst === 'good' ? 'bad' : 'good'));
      const { asked, toGo } = await search(whole, ofFirst);
      expect(asked.length).to.be.at.most(Math.ceil(Math.log2(whole.length - 1)));
      expect(asked.length).to.be.at.most((toGo[0] ?? 0) + 1);
    });
    await fc.assert(check);
  });

  it('walks round what cannot be judged, nearest first', async () => {
    const answers: Answer[] = ['good', 'good', 'skip', 'skip', 'skip', 'skip', 'skip', 'bad', 'bad'];
    const { asked, before, after } = await search(answers, 'good');
    expect(asked.slice(0, 5)).to.deep.equal([4, 3, 5, 2, 6]);
    expect({ before, after }).to.deep.equal({ before: 1, after: 7 });
  });
});
