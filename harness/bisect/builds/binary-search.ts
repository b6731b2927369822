import type { Answer } from '../inquiry.js';

/** What can be said of a row whose first and last member answer differently. */
export interface Change {
  /** The last place that is known to answer as the first does. */
  before: number;
  /** The first place that is known to answer as the last does. */
  after: number;
}

/** Asks for the answer at a place; `toGo` is about how many more will be asked after it. */
export type AnswerAt = (place: number, toGo: number) => Promise<Answer>;

/**
 * Where a row of `length` members changes from the answer of its first to the answer of its last, with as few questions as halving needs.
 * A member that cannot be judged is walked round, its nearest neighbours first; what lies between `before` and `after` in the end
 * could not be judged. The two ends are not asked.
 */
export async function findChange(length: number, ofFirst: 'good' | 'bad', answerAt: AnswerAt): Promise<Change> {
  const skipped = new Set<number>();
  let before = 0;
  let after = length - 1;
  for (;;) {
    const open = Array.from({ length: after - before - 1 }, (_, index) => before + 1 + index).filter(
      (place) => !skipped.has(place),
    );
    const place = nearest(open, (before + after) / 2);
    if (place === undefined) return { before, after };
    const answer = await answerAt(place, Math.ceil(Math.log2(open.length + 1)) - 1);
    if (answer === 'skip') skipped.add(place);
    else if (answer === ofFirst) before = place;
    else after = place;
  }
}

function nearest(places: readonly number[], middle: number): number | undefined {
  const distance = (place: number): number => Math.abs(place - middle);
  return [...places].sort((a, b) => distance(a) - distance(b) || a - b)[0];
}
