import { UsageError } from '../../core/errors.js';
import type { Examination, Examined, Suspect } from './examination.js';
import { nothingToJudge, tallyOf } from './examination.js';
import { type Certainty, certaintyOf, type CertaintyWords, roundsBeforeGood, roundsOfBadEnd } from '../repeat.js';

/** The two ends of a search, known to differ. */
export interface Ends {
  good: Examined;
  bad: Examined;
  certainty: Certainty;
}

const accepted = 'accepted: a good end that passes and a bad end that fails';

/**
 * Sees to it that the good end passes and the bad end fails, as often as it takes to tell: the bad end is measured first, and the good end
 * must pass as often as every later step. Throws UsageError that says which end is wrong, and why.
 */
export async function checkEnds(
  examination: Examination,
  { good, bad }: { good: Suspect; bad: Suspect },
  words: CertaintyWords,
): Promise<Ends> {
  const first = judged(await examination.examine(good, 'the good end'), 'good');
  if (first.answer === 'bad') return refuse(first, judged(await examination.examine(bad, 'the bad end'), 'bad'));
  const most = Math.max(roundsBeforeGood, words.repeat ?? 0);
  if (judged(await examination.examine(bad, 'the bad end', most), 'bad').answer === 'good')
    throw new UsageError(
      `both ends are good: ${bad.title} was given as bad and passes ${most} times of ${most}, as ${good.title} does; ${accepted}`,
    );
  const { examined, certainty } = await measure(examination, bad, words);
  examination.judgeBy(examined);
  if (!examination.hasPlayedDeciding(first))
    throw new UsageError(`the good end, ${good.title}, cannot be judged: ${nothingToJudge}; ${accepted}`);
  const often = judged(await examination.examine(good, 'the good end', certainty.passes), 'good');
  if (often.answer === 'bad') return refuse(often, examined);
  return { good: often, bad: examined, certainty };
}

/**
 * Tells from two suspects which is good and which is bad, where nobody said so. Throws UsageError when both are the same, or one cannot
 * be judged.
 */
export async function tellEnds(
  examination: Examination,
  [first, last]: readonly [Suspect, Suspect],
  words: CertaintyWords,
): Promise<Ends> {
  for (const passes of [1, Math.max(roundsBeforeGood, words.repeat ?? 0)]) {
    const answers = [];
    for (const end of [last, first]) answers.push(judged(await examination.examine(end, 'one end', passes), undefined));
    const [ofLast, ofFirst] = answers;
    if (ofLast?.answer === 'bad' && ofFirst?.answer === 'bad')
      throw new UsageError(
        `both ends are bad: ${first.title} fails (${ofFirst.reason}), and so does ${last.title} (${ofLast.reason}); ${accepted}`,
      );
    if (ofLast?.answer === 'bad') return checkEnds(examination, { good: first, bad: last }, words);
    if (ofFirst?.answer === 'bad') return checkEnds(examination, { good: last, bad: first }, words);
  }
  throw new UsageError(`both ends are good: ${first.title} passes, and so does ${last.title}; ${accepted}`);
}

async function measure(
  examination: Examination,
  bad: Suspect,
  words: CertaintyWords,
): Promise<{ examined: Examined; certainty: Certainty }> {
  const examined = await examination.measure(bad, 'the bad end', (tally) => roundsOfBadEnd(tally, words.repeat));
  const certainty = certaintyOf(tallyOf(examined.rounds), words);
  return { examined, certainty };
}

function judged(end: Examined, given: 'good' | 'bad' | undefined): Examined {
  if (end.answer !== 'skip') return end;
  const which = given === undefined ? 'one end' : `the ${given} end`;
  throw new UsageError(`${which}, ${end.suspect.title}, cannot be judged: ${end.reason}; ${accepted}`, {
    data: { log: end.rounds[0]?.log },
  });
}

function refuse(good: Examined, bad: Examined): never {
  const failing = `${good.suspect.title} was given as good and fails (${good.reason})`;
  const how =
    bad.answer === 'bad'
      ? `both ends are bad: ${failing}, and so does ${bad.suspect.title} (${bad.reason})`
      : `good and bad are swapped: ${failing}, and ${bad.suspect.title} was given as bad and passes`;
  throw new UsageError(`${how}; ${accepted}`);
}
