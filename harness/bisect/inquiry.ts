import type { Build } from '../build/build.js';
import type { CellResult, PlannedCell } from '../record/events.js';
import type { RunSession } from '../run/session.js';

/** What a search learns of a candidate: every cell is well, one fails, or it cannot be judged. */
export type Answer = 'good' | 'bad' | 'skip';

/** Something that a search asks about: cells on builds, under a name that nothing else in the search has. */
export interface Candidate {
  name: string;
  builds: readonly Build[];
  cells: readonly PlannedCell[];
}

/** One cell of a step: the result that decides. */
export interface JudgedCell {
  cell: string;
  result: CellResult;
}

/** A candidate, asked and answered. */
export interface Step {
  candidate: string;
  answer: Answer;
  /** One sentence; empty where all is well. */
  reason: string;
  cells: JudgedCell[];
}

/** Says of one cell's result what it means for the search. */
export type Judge = (result: CellResult) => Answer;

/** Bad is whatever failed, and good whatever did not; what is skipped or broken says nothing. */
export const anyFailure: Judge = ({ verdict }) => {
  if (verdict === 'skipped' || verdict === 'broken') return 'skip';
  return verdict === 'failed' || verdict === 'flaky' ? 'bad' : 'good';
};

/** Results that an earlier run of the same search has left, by the id of the cell, in their order. */
export type KnownResults = ReadonlyMap<string, readonly CellResult[]>;

/** Asks a run for the answers of a search, several candidates at a time. What an earlier run knows is not played again. */
export class Inquiry {
  readonly steps: Step[] = [];
  /** How often a candidate is played, without a failure, before it counts as good. */
  passes = 1;
  private readonly known: Map<string, CellResult[]>;

  constructor(
    private readonly session: RunSession,
    private readonly judge: Judge,
    known: KnownResults = new Map(),
  ) {
    this.known = new Map([...known].map(([cell, results]) => [cell, [...results]]));
  }

  /** The answer to each candidate, in their order. Throws the reason of the interruption when the run was stopped: that is no answer. */
  async ask(candidates: readonly Candidate[]): Promise<Step[]> {
    const asked = await this.round(candidates);
    for (let pass = 1; pass < this.passes; pass += 1) {
      const open = asked.flatMap(({ answer }, place) => (answer === 'good' ? [place] : []));
      const again = await this.round(candidates.filter((_, place) => open.includes(place)));
      for (const [index, place] of open.entries()) asked.splice(place, 1, ...again.slice(index, index + 1));
    }
    this.steps.push(...asked);
    return asked;
  }

  /** Every candidate, once. */
  private async round(candidates: readonly Candidate[]): Promise<Step[]> {
    const cells = candidates.flatMap((candidate) => candidate.cells);
    const results = cells.map(({ id }) => this.known.get(id)?.shift());
    const unknown = cells.filter((_, place) => results[place] === undefined);
    if (unknown.length > 0) {
      const played = await this.session.play({ builds: candidates.flatMap(({ builds }) => builds), cells: unknown });
      this.session.throwIfStopped();
      for (const [place, result] of results.entries()) results[place] = result ?? played.shift();
    }
    let at = 0;
    return candidates.map((candidate) => {
      const own = results.slice(at, (at += candidate.cells.length)).flatMap((result) => result ?? []);
      return stepOf(candidate, own, this.judge);
    });
  }
}

function stepOf({ name, cells }: Candidate, results: readonly CellResult[], judge: Judge): Step {
  const judged = results.map((result, place) => ({ cell: cells[place]?.id ?? '', result, answer: judge(result) }));
  // What this host could not judge may be what fails: whatever else passes is no answer.
  const broken = judged.find(({ result }) => result.verdict === 'broken');
  const deciding =
    judged.find(({ answer }) => answer === 'bad') ??
    broken ??
    (judged.every(({ answer }) => answer === 'skip') ? judged[0] : judged.find(({ answer }) => answer === 'good'));
  return {
    candidate: name,
    answer: deciding?.answer ?? 'skip',
    reason: deciding?.result.reason ?? 'there is no cell to run',
    cells: judged.map(({ cell, result }) => ({ cell, result })),
  };
}
