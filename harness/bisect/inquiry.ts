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

/** Asks a run for the answers of a search, several candidates at a time. */
export class Inquiry {
  readonly steps: Step[] = [];

  constructor(
    private readonly session: RunSession,
    private readonly judge: Judge,
  ) {}

  /** The answer to each candidate, in their order. Throws the reason of the interruption when the run was stopped: that is no answer. */
  async ask(candidates: readonly Candidate[]): Promise<Step[]> {
    const builds = candidates.flatMap((candidate) => candidate.builds);
    const results = await this.session.play({ builds, cells: candidates.flatMap(({ cells }) => cells) });
    this.session.throwIfStopped();
    let at = 0;
    const asked = candidates.map((candidate) => {
      const own = results.slice(at, (at += candidate.cells.length));
      return stepOf(candidate, own, this.judge);
    });
    this.steps.push(...asked);
    return asked;
  }
}

function stepOf({ name, cells }: Candidate, results: readonly CellResult[], judge: Judge): Step {
  const judged = results.map((result, place) => ({ cell: cells[place]?.id ?? '', result, answer: judge(result) }));
  const deciding =
    judged.find(({ answer }) => answer === 'bad') ??
    (judged.every(({ answer }) => answer === 'skip') ? judged[0] : judged.find(({ answer }) => answer === 'good'));
  return {
    candidate: name,
    answer: deciding?.answer ?? 'skip',
    reason: deciding?.result.reason ?? 'there is no cell to run',
    cells: judged.map(({ cell, result }) => ({ cell, result })),
  };
}
