import { StateError } from '../core/errors.js';
import { countOf } from '../report/words.js';
import type { Shown, ShownBy } from './delta-debugging.js';
import type { Answer, Candidate, Inquiry, Step } from './inquiry.js';

/** What is counted, for one and for many. */
export type Noun = readonly [one: string, many: string];

/** "7 devices left" */
export function leftWords(left: number, [one, many]: Noun): string {
  return `${left} ${left === 1 ? one : many} left`;
}

export interface RoundsOptions {
  /** What is asked again when nothing of a round could be judged: when that cannot be judged either, it is the host. */
  known: Candidate;
  /** Stops between two rounds with its reason. */
  signal: AbortSignal;
  /** Gets one line for every round: "round 3: 7 devices left, 21 cells so far". */
  onProgress: (line: string) => void;
}

/** Asks the questions of a delta debugging, a round at a time, and says how far it has come. */
export class Rounds {
  private rounds = 0;
  cells = 0;

  constructor(
    private readonly inquiry: Inquiry,
    private readonly options: RoundsOptions,
  ) {}

  /** Asks for the answers to candidates, and then says `what`: "7 devices left". Throws the signal's reason, and StateError where the host runs nothing any more. */
  async ask(candidates: readonly Candidate[], what: string): Promise<Step[]> {
    const steps = await this.inquiry.ask(candidates);
    this.options.signal.throwIfAborted();
    this.rounds += 1;
    this.cells += steps.reduce((sum, { cells }) => sum + cells.length, 0);
    this.options.onProgress(`round ${this.rounds}: ${what}, ${countOf(this.cells, 'cell')} so far`);
    if (steps.length > 0 && steps.every(isBroken)) await this.checkHost();
    return steps;
  }

  /** The answer to one candidate. */
  async one(candidate: Candidate, what: string): Promise<Step> {
    const [step] = await this.ask([candidate], what);
    if (!step) throw new StateError(`nobody answered for ${candidate.name}`);
    return step;
  }

  /** The rounds as delta debugging asks for them: `wanted` is the answer that shows what is looked for. */
  shownBy<T>(
    candidateOf: (subset: readonly T[]) => Candidate,
    { wanted, noun }: { wanted: Answer; noun: Noun },
  ): ShownBy<T> {
    return async (subsets, left) => {
      const steps = await this.ask(subsets.map(candidateOf), leftWords(left, noun));
      return steps.map(({ answer }): Shown => (answer === wanted ? 'yes' : answer === 'skip' ? 'unresolved' : 'no'));
    };
  }

  private async checkHost(): Promise<void> {
    const [again] = await this.inquiry.ask([this.options.known]);
    this.options.signal.throwIfAborted();
    this.cells += again?.cells.length ?? 0;
    if (!again || !isBroken(again)) return;
    throw new StateError(
      `${again.candidate} cannot be judged on this host, also when it is asked again: ${again.reason}`,
    );
  }
}

function isBroken({ cells }: Step): boolean {
  return cells.length > 0 && cells.every(({ result }) => result.verdict === 'broken');
}
