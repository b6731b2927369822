import { UsageError } from '../../core/errors.js';
import { checkEnds, tellEnds } from '../history/ends.js';
import type { CertaintyWords } from '../repeat.js';
import { type Examination, type Suspect, toGoWords } from '../history/examination.js';
import type { Found } from '../history/found.js';
import { findChange } from './binary-search.js';

/** Where the search of a list begins and ends; the ends of the list, whichever is the good one, where nobody names them. */
export interface NamedEnds {
  good?: string;
  bad?: string;
}

/**
 * The first of a list of builds that answers otherwise than those before it. Throws UsageError when an end is no member of the list, or
 * does not answer as it should.
 */
export async function searchBuilds(
  examination: Examination,
  list: readonly Suspect[],
  words: CertaintyWords & NamedEnds,
): Promise<Found> {
  const named = namedEnds(list, words);
  const between = named ? list.slice(Math.min(named.good, named.bad), Math.max(named.good, named.bad) + 1) : list;
  const [oldest, newest] = [between[0], between.at(-1)];
  if (!oldest || !newest || oldest === newest)
    throw new UsageError(`--builds ${list.map(({ name }) => name).join(' ')} is one build; accepted: two or more`);
  const goodFirst = named && named.good < named.bad;
  const ends = named
    ? await checkEnds(examination, goodFirst ? { good: oldest, bad: newest } : { good: newest, bad: oldest }, words)
    : await tellEnds(examination, [oldest, newest], words);
  const change = ends.good.suspect === oldest ? 'break' : 'fix';
  const { passes } = ends.certainty;
  const { before, after } = await findChange(
    between.length,
    change === 'break' ? 'good' : 'bad',
    async (place, toGo) => {
      const suspect = between[place];
      return suspect ? (await examination.examine(suspect, toGoWords(toGo), passes)).answer : 'skip';
    },
  );
  const possible = between.slice(before + 1, after + 1);
  const [first] = possible;
  const order = between.map(({ name }) => name);
  const told = { change, ends, before: between.slice(before, before + 1), order } as const;
  return possible.length === 1 && first ? { ...told, first, possible: [] } : { ...told, possible };
}

function namedEnds(list: readonly Suspect[], { good, bad }: NamedEnds): { good: number; bad: number } | undefined {
  if (good === undefined && bad === undefined) return undefined;
  const accepted = list.map(({ name }) => name).join(', ');
  const placeOf = (option: string, name: string | undefined): number => {
    const place = list.findIndex((suspect) => suspect.name === name);
    if (name === undefined) throw new UsageError(`${option} is not given; accepted: one of ${accepted}`);
    if (place < 0) throw new UsageError(`${option} ${name} is none of the builds; accepted: ${accepted}`);
    return place;
  };
  const places = { good: placeOf('--good', good), bad: placeOf('--bad', bad) };
  if (places.good === places.bad)
    throw new UsageError(`--good and --bad are both ${good}; accepted: two of ${accepted}`);
  return places;
}
