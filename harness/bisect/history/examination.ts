import type { Build } from '../../build/build.js';
import { StateError } from '../../core/errors.js';
import { printableLine } from '../../report/words.js';
import type { Answer, Candidate, Inquiry, JudgedCell, Step } from '../inquiry.js';
import type { Evidence, Journal, Round } from '../journal.js';
import type { Tally } from '../repeat.js';

/** A candidate that cannot be asked, as a commit that does not compile: why, and the log that says more. */
export interface Unusable {
  reason: string;
  log?: string;
}

/** A commit as a report tells of it. */
export interface CommitFacts {
  /** All digits. */
  commit: string;
  subject: string;
  author: string;
  /** When the author made it, ISO 8601. */
  date: string;
}

/** Something that a search may ask about, made ready only when it is asked. */
export interface Suspect {
  /** What nothing else in the search is called: a build's name, a commit's digits. */
  name: string;
  /** As a person is told of it: `0123456789ab "subject"`. */
  title: string;
  /** What takes long about making it ready: 'compiling'. */
  preparing?: string;
  /** More facts, for the report. */
  commit?: CommitFacts;
  /** Resolves or compiles its build and plans its cells. Throws when the host is at fault. */
  prepare: () => Promise<Candidate | Unusable>;
}

/** What a suspect came to in all its rounds, of this search and of an earlier one in the same folder. */
export interface Examined {
  /** Which question of the search it was, from 1. */
  step: number;
  suspect: Suspect;
  answer: Answer;
  /** One sentence; empty where all is well. */
  reason: string;
  rounds: readonly Round[];
  /** How many of the rounds an earlier search had played. */
  remembered: number;
}

/** Asks about suspects as often as a verdict needs, and writes down what it hears; what is written down already is not asked again. */
export class Examination {
  /** What was asked, in the order of the first question. */
  readonly examined = new Map<string, Examined>();
  /** Rounds that were played by this search. */
  played = 0;
  private readonly prepared = new Map<string, Candidate | Unusable>();
  private readonly remembered = new Map<string, Round[]>();
  /** What a suspect is judged by, once it is known what fails; all of its cells before. */
  private deciding: ReadonlySet<string> | undefined;

  constructor(
    private readonly inquiry: Inquiry,
    private readonly journal: Journal,
    private readonly means: {
      /** Cells that may run at once. */
      jobs: number;
      /** Gets a line before a question and one after it. */
      tell: (line: string) => void;
    },
  ) {
    for (const round of journal.rounds)
      this.remembered.set(round.suspect, [...(this.remembered.get(round.suspect) ?? []), round]);
  }

  /**
   * Plays rounds until one fails, one cannot be judged, or there are `passes`. `about` says where the search stands. Throws StateError when
   * this host could not judge a cell twice, and what `prepare` throws: neither is an answer.
   */
  async examine(suspect: Suspect, about: string, passes = 1): Promise<Examined> {
    const left: Left = (rounds) => (rounds.some(({ answer }) => answer !== 'good') ? 0 : passes - rounds.length);
    return this.ask(suspect, about, left);
  }

  /** Plays rounds, whatever they come to, until `left` says that none is left to play. Throws as `examine` does. */
  async measure(suspect: Suspect, about: string, left: (tally: Tally) => number): Promise<Examined> {
    const unlessSkipped: Left = (rounds) =>
      rounds.some(({ answer }) => answer === 'skip') ? 0 : left(tallyOf(rounds));
    return this.ask(suspect, about, unlessSkipped);
  }

  /**
   * From now on suspects are judged by the cells that failed on this one, wherever their routes lead: one that cannot run any of them cannot be
   * judged, whatever else passes on it.
   */
  judgeBy(bad: Examined): void {
    this.deciding = new Set(failedIn(bad.rounds));
  }

  /** Whether any of the cells that suspects are judged by has been played on it. */
  hasPlayedDeciding({ rounds }: Examined): boolean {
    const { deciding } = this;
    return rounds.some(({ cells }) => cells.some(({ cell }) => deciding?.has(withoutRoute(cell)) ?? true));
  }

  private async ask(suspect: Suspect, about: string, left: Left): Promise<Examined> {
    const known = this.remembered.get(suspect.name) ?? [];
    const before = this.examined.get(suspect.name);
    const step = before?.step ?? this.examined.size + 1;
    const rounds = [...(before?.rounds ?? [])];
    if (left(rounds) > 0) this.tellQuestion(suspect, `step ${step}, ${about}`, known.length > rounds.length);
    const playedBefore = rounds.length;
    for (let count = left(rounds); count > 0; count = left(rounds)) {
      const next = known[rounds.length];
      if (next) rounds.push(next);
      else rounds.push(...(await this.play(suspect, count)));
    }
    const deciding = rounds.find(({ answer }) => answer !== 'good') ?? rounds[0];
    const answer = deciding?.answer ?? 'skip';
    // What a failure was diagnosed as says it shorter than what was expected in vain.
    const reason = deciding?.cells[0]?.finding ?? deciding?.reason ?? 'it was not asked';
    const remembered = Math.min(known.length, rounds.length);
    const examined = { step, suspect, answer, reason, rounds, remembered };
    this.examined.set(suspect.name, examined);
    if (rounds.length > playedBefore) this.means.tell(`step ${step}: ${answerWords(examined)}`);
    return examined;
  }

  private tellQuestion({ title, preparing }: Suspect, where: string, isKnown: boolean): void {
    const doing = isKnown ? 'known from before' : (preparing ?? 'asking');
    this.means.tell(`${where}: ${title}: ${doing}…`);
  }

  /** Up to `count` rounds, as many at once as there is room for. */
  private async play(suspect: Suspect, count: number): Promise<Round[]> {
    const startedMs = performance.now();
    const prepared = this.prepared.get(suspect.name) ?? (await suspect.prepare());
    this.prepared.set(suspect.name, prepared);
    const candidate = this.narrowed(prepared);
    if (!('cells' in candidate)) return [this.note(suspect, unusableRound(candidate), performance.now() - startedMs)];
    const atOnce = Math.max(1, Math.floor(this.means.jobs / Math.max(1, candidate.cells.length)));
    const copies = Array.from({ length: Math.min(count, atOnce) }, () => candidate);
    const steps = await this.inquiry.ask(copies);
    this.played += steps.length;
    const durationMs = (performance.now() - startedMs) / steps.length;
    return steps.map((step) => this.note(suspect, roundOf(step, candidate.builds), durationMs));
  }

  /** The candidate with no more cells than those that decide. */
  private narrowed(candidate: Candidate | Unusable): Candidate | Unusable {
    const { deciding } = this;
    if (!deciding || !('cells' in candidate)) return candidate;
    const meant = candidate.cells.filter(({ id }) => deciding.has(withoutRoute(id)));
    const cells = meant.filter(({ skip }) => skip === undefined);
    if (cells.length > 0) return { ...candidate, cells };
    return { reason: `${nothingToJudge}: ${meant[0]?.skip ?? 'it has no such cell'}` };
  }

  private note(suspect: Suspect, round: Told, durationMs: number): Round {
    const at = new Date().toISOString();
    const whole = { suspect: suspect.name, ...round, durationMs: Math.round(durationMs), at };
    this.journal.add(whole);
    return whole;
  }
}

/** Why a suspect cannot be judged that lacks what fails elsewhere. */
export const nothingToJudge = 'none of the cells that fail on the bad end can run on it';

/** The cells that failed in any of the rounds. */
function failedIn(rounds: readonly Round[]): string[] {
  const failed = rounds.flatMap(({ cells }) =>
    cells.filter(({ verdict }) => verdict === 'failed' || verdict === 'flaky'),
  );
  return failed.map(({ cell }) => withoutRoute(cell));
}

/** A cell's id without its route: the same for the same cell on another build. */
function withoutRoute(id: string): string {
  const start = id.lastIndexOf(' [');
  return `${id.slice(0, start)} [${id.slice(id.indexOf(', ', start) + 2)}`;
}

/** How many of a suspect's rounds failed. */
export function tallyOf(rounds: readonly Round[]): Tally {
  return { failed: rounds.filter(({ answer }) => answer === 'bad').length, played: rounds.length };
}

/** Where a search stands, before a question. */
export function toGoWords(toGo: number): string {
  return toGo > 0 ? `about ${toGo} to go` : 'perhaps the last';
}

/** "bad, 3 of 5 rounds failed: REASON": what came of a question, in a line. */
export function answerWords({ answer, reason, rounds }: Examined): string {
  const { failed, played } = tallyOf(rounds);
  const how = { good: `passed ${played} of ${played}`, bad: `failed ${failed} of ${played}`, skip: 'cannot be judged' };
  const often = played > 1 && answer !== 'skip' ? ` (${how[answer]})` : answer === 'skip' ? ` (${how.skip})` : '';
  return printableLine(`${answer}${often}${reason === '' ? '' : `: ${reason}`}`);
}

/** How many rounds are still to be played after these. */
type Left = (rounds: readonly Round[]) => number;

type Told = Omit<Round, 'suspect' | 'durationMs' | 'at'>;

function unusableRound({ reason, log }: Unusable): Told {
  return { answer: 'skip', reason, cells: [], builds: [], ...(log !== undefined && { log }) };
}

function roundOf({ answer, reason, cells }: Step, builds: readonly Build[]): Told {
  const broken = cells.find(({ result }) => result.verdict === 'broken');
  if (broken && answer !== 'bad')
    throw new StateError(`this host could not judge '${broken.cell}': ${broken.result.reason}`, {
      data: { cell: broken.cell },
    });
  const worst = cells.filter(({ result }) => result.reason === reason);
  const ran = [...worst, ...cells.filter((cell) => !worst.includes(cell))].filter(
    ({ result }) => result.verdict !== 'skipped',
  );
  return {
    ...{ answer, reason: reason || (worst[0]?.result.reason ?? '') },
    cells: ran.map(evidenceOf),
    builds: builds.map(({ name, version, package: text, sha256 }) => ({
      ...{ name, version: version.text, package: text, sha256 },
    })),
  };
}

function evidenceOf({ cell, result }: JudgedCell): Evidence {
  const { verdict, reason, findings, folder } = result;
  const [finding] = findings;
  return {
    ...{ cell, verdict, reason },
    ...(finding && { finding: finding.summary }),
    ...(finding?.line !== undefined && { line: finding.line }),
    ...(folder !== undefined && { folder }),
  };
}
