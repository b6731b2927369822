import type { Certainty } from '../repeat.js';
import { type CommitFacts, type Examination, type Examined, type Suspect, tallyOf } from './examination.js';
import type { Found } from './found.js';
import type { Answer } from '../inquiry.js';
import type { Evidence, Round } from '../journal.js';

/** A suspect as a report tells it. */
export interface Told {
  name: string;
  title: string;
  commit?: CommitFacts;
  /** Absent for what was not asked. */
  answer?: Answer;
  reason?: string;
  /** The build that was asked last, the searched one. */
  build?: Round['builds'][number];
  /** Log of the compile, for a commit that does not compile. */
  log?: string;
}

/** A question and its answer. */
export interface ToldStep extends Told {
  answer: Answer;
  reason: string;
  /** Rounds that were played, and how many failed. */
  played: number;
  failed: number;
  /** How many of the rounds an earlier search had played. */
  remembered: number;
  /** Milliseconds, compiling included. */
  durationMs: number;
}

/** What was asked of a history, in its order. */
export interface ToldPlace extends Told {
  /** Which question it was, from 1. */
  step: number;
  /** How many lie between it and the one before it that nobody asked. */
  unasked: number;
}

/** A search over a history, as `bisect.json` holds it. */
export interface SearchReport {
  search: 'commits' | 'builds';
  repository?: string;
  /** Whether what was looked for broke it or fixed it. */
  change: 'break' | 'fix';
  /** Absent where several could be it. */
  first?: Told;
  before: Told[];
  /** All that could be the first, in order, where it is not known. */
  possible: Told[];
  ends: { good: Told; bad: Told };
  certainty: Certainty;
  /** What the failing neighbour showed; what the bad end showed where it was not asked. */
  evidence?: Evidence;
  steps: ToldStep[];
  /** All that was asked, oldest first. */
  places: ToldPlace[];
  /** Rounds that this search played, and those that it took from an earlier one. */
  rounds: { played: number; remembered: number };
  cellsPlayed: number;
  /** Milliseconds of this search. */
  durationMs: number;
  /** A command that plays the two neighbours once more. */
  check: string;
  /** Git's log of the search, for `git bisect replay`. */
  gitLog?: string;
}

/** What a report needs besides what was found. */
export interface ReportFacts extends Pick<
  SearchReport,
  'search' | 'repository' | 'cellsPlayed' | 'durationMs' | 'gitLog'
> {
  examination: Examination;
  /** The command that plays these builds once more. */
  checkOf: (names: readonly string[]) => string;
}

/** Puts together what a search found and how. */
export function searchReport(found: Found, { examination, checkOf, ...facts }: ReportFacts): SearchReport {
  const { change, ends, first, before, possible } = found;
  const examined = [...examination.examined.values()];
  const tell = (suspect: Suspect): Told => toldOf(suspect, examination.examined.get(suspect.name));
  const neighbours = first ? [...before, first] : [...before, ...possible];
  const failing = neighbours
    .map(({ name }) => examination.examined.get(name))
    .find((neighbour) => neighbour?.answer === 'bad');
  const evidence = evidenceIn(failing ?? ends.bad);
  return {
    ...facts,
    ...{ change, ...(first && { first: tell(first) }) },
    ...{ before: before.map(tell), possible: possible.map(tell) },
    ends: { good: tell(ends.good.suspect), bad: tell(ends.bad.suspect) },
    certainty: ends.certainty,
    ...(evidence && { evidence }),
    steps: examined.map(stepOf),
    places: placesOf(examined, found.order),
    rounds: {
      played: examination.played,
      remembered: examined.reduce((sum, { remembered }) => sum + remembered, 0),
    },
    check: checkOf([...new Set(neighbours.map(({ name }) => name))]),
  };
}

function placesOf(examined: readonly Examined[], order: readonly string[]): ToldPlace[] {
  const placeOf = ({ suspect: { name, commit } }: Examined): number => order.indexOf(commit?.commit ?? name);
  const inOrder = [...examined].sort((one, other) => placeOf(one) - placeOf(other));
  return inOrder.map((one, index) => {
    const previous = inOrder[index - 1];
    const unasked = previous ? Math.max(0, placeOf(one) - placeOf(previous) - 1) : 0;
    return { ...toldOf(one.suspect, one), step: one.step, unasked };
  });
}

function toldOf({ name, title, commit }: Suspect, examined: Examined | undefined): Told {
  const build = examined?.rounds[0]?.builds.at(-1);
  const log = examined?.rounds.find((round) => round.log !== undefined)?.log;
  return {
    ...{ name, title, ...(commit && { commit }) },
    ...(examined && { answer: examined.answer, reason: examined.reason }),
    ...(build && { build }),
    ...(log !== undefined && { log }),
  };
}

function stepOf(examined: Examined): ToldStep {
  const { answer, reason, rounds, remembered } = examined;
  const durationMs = rounds.reduce((sum, round) => sum + round.durationMs, 0);
  return { ...toldOf(examined.suspect, examined), answer, reason, ...tallyOf(rounds), remembered, durationMs };
}

function evidenceIn({ rounds }: Examined): Evidence | undefined {
  return rounds.find(({ answer }) => answer === 'bad')?.cells[0];
}
