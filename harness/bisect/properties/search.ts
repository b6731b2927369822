import type { Build } from '../../build/build.js';
import { UsageError } from '../../core/errors.js';
import type { CellResult, PlannedCell } from '../../record/events.js';
import { withWords } from '../../run/plan.js';
import { minimised } from '../delta-debugging.js';
import { settle } from '../constancy.js';
import type { Certainty, CertaintyWords } from '../repeat.js';
import type { Candidate, Inquiry, Step } from '../inquiry.js';
import { Rounds } from '../rounds.js';
import { signatureOf } from '../signature.js';
import { type CandidateProperty, joined, type MachineTypes, type Separation } from './candidates.js';
import { pieceName, wordsSetting } from './property-piece.js';

/** One cell on each of the two machine types. */
export interface CellOfBoth {
  bad: PlannedCell;
  good: PlannedCell;
}

export interface PropertySearchOptions {
  builds: readonly Build[];
  cells: readonly CellOfBoth[];
  types: MachineTypes;
  /** What separates the machine types for one of the cells. */
  separation: (cell: PlannedCell) => Promise<Separation>;
  signal: AbortSignal;
  onProgress: (line: string) => void;
  /** How sure it must be that a cell passes. */
  certainty: CertaintyWords;
}

/** What a search over compat properties came to. */
export interface PropertyFindings {
  /** The properties that make the difference, fewest; none where no property does. */
  found: CandidateProperty[];
  /** One sentence: the answer. */
  answer: string;
  separation: Separation;
  /** The cells that were searched with: those that fail on the one and pass on the other. */
  cells: CellOfBoth[];
  /** How the failing machine type fails. */
  reason: string;
  signature: string;
  /** What the passing machine type does with the failing one's values of what was found; absent where nobody knows a value. */
  reverse?: { sameWay: boolean; reason: string };
  asked: number;
  certainty: Certainty;
}

/**
 * Finds the fewest of the properties that separate two machine types with which the failing one passes. First both ends are asked.
 * Throws UsageError when they are not as the words say: swapped, both good, both bad, or not to be judged.
 */
export async function searchProperties(inquiry: Inquiry, options: PropertySearchOptions): Promise<PropertyFindings> {
  const { builds, types, onProgress } = options;
  const all = new Question(options, options.cells);
  const known: Candidate = { name: types.bad, builds, cells: options.cells.map(({ bad }) => bad) };
  const rounds = new Rounds(inquiry, { ...options, known });
  onProgress(`asking ${types.bad} and ${types.good}: ${options.cells.length * 2} cells`);
  const [first, atFirst] = await rounds.ask([all.as('bad', []), all.as('good', [])], 'both ends asked');
  if (first?.answer === 'good' && atFirst?.answer === 'bad')
    separating(options.cells, { bad: first, good: atFirst, types });
  const again = (): Promise<Step> => rounds.one(all.as('bad', []), `${types.bad} asked`);
  const { step: bad, certainty } = await settle(inquiry, again, { ...options.certainty, ...(first && { first }) });
  // As often as any other must pass.
  const good = inquiry.passes > 1 ? await rounds.one(all.as('good', []), `${types.good} asked`) : atFirst;
  const cells = separating(options.cells, { bad, good, types });
  const question = new Question(options, cells);
  const failure = resultOf(bad, cells[0]?.bad);
  onProgress(`comparing what ${types.bad} and ${types.good} are made of`);
  const separations: Separation[] = [];
  for (const cell of firstOfEachScenario(cells)) separations.push(await options.separation(cell));
  const separation = joined(separations);
  const base = { separation, cells, reason: failure?.reason ?? '', signature: failure ? signatureOf(failure) : '' };
  const { found, answer } = await fewest(separation.settable, { question, rounds, types, signature: base.signature });
  const isTold = found.length > 0 && found.every((piece) => piece.bad !== undefined);
  const [back] = isTold ? await rounds.ask([question.as('good', found)], 'the other way round') : [];
  const reverse = back && { sameWay: signatureIn(back) === base.signature, reason: back.reason };
  return { ...base, found, answer, ...(reverse && { reverse }), asked: rounds.cells, certainty };
}

interface Asking {
  question: Question;
  rounds: Rounds;
  types: MachineTypes;
  /** How the failing machine type fails. */
  signature: string;
}

/** The fewest properties with which the failing machine type passes, and the answer in one sentence. */
async function fewest(
  settable: readonly CandidateProperty[],
  { question, rounds, types, signature }: Asking,
): Promise<Pick<PropertyFindings, 'found' | 'answer'>> {
  const { bad, good } = types;
  if (settable.length === 0) return { found: [], answer: `no property that can be set separates ${bad} from ${good}` };
  const [together] = await rounds.ask([question.as('bad', settable)], 'all properties at once');
  if (together?.answer !== 'good') {
    const still = `with all ${settable.length} that can be set, ${bad} does not pass: ${together?.reason ?? ''}`;
    const inTheSameWay = together !== undefined && signatureIn(together) === signature;
    const alone = inTheSameWay ? undefined : await firstAlone(settable, question, rounds);
    if (!alone) return { found: [], answer: `no property makes the difference: ${still}` };
    return { found: [alone], answer: `${pieceName(alone)} alone makes the difference: ${still}` };
  }
  const shown = rounds.shownBy<CandidateProperty>((some) => question.as('bad', some), {
    wanted: 'good',
    noun: ['property', 'properties'],
  });
  const found = await minimised(settable, shown);
  if (found.length === 0)
    return { found, answer: `${bad} fails now and then alone: without any property changed it passed` };
  const verb = found.length === 1 ? 'makes' : 'together make';
  return { found, answer: `${found.map(pieceName).join(' and ')} ${verb} the difference between ${bad} and ${good}` };
}

/** A property that makes the difference alone: all of them together may be in each other's way. */
async function firstAlone(
  settable: readonly CandidateProperty[],
  question: Question,
  rounds: Rounds,
): Promise<CandidateProperty | undefined> {
  const each = settable.map((piece) => question.as('bad', [piece]));
  const steps = await rounds.ask(each, 'each property alone');
  return settable.find((_, place) => steps[place]?.answer === 'good');
}

/** The cells of a machine type, with values of the other one. */
class Question {
  constructor(
    private readonly options: PropertySearchOptions,
    private readonly cells: readonly CellOfBoth[],
  ) {}

  /** A machine type with some properties as the other has them. */
  as(which: 'bad' | 'good', pieces: readonly CandidateProperty[]): Candidate {
    const { builds, types } = this.options;
    const words = pieces.flatMap((piece) => {
      const value = which === 'bad' ? piece.good : piece.bad;
      return value === undefined ? [] : wordsSetting(piece, value);
    });
    const cells = this.cells.map((cell) => withWords(cell[which], words));
    return { name: [types[which], ...words].join(' '), builds, cells };
  }
}

interface Ends {
  bad: Step | undefined;
  good: Step | undefined;
  types: MachineTypes;
}

/** The cells that fail on the one machine type and pass on the other. Throws UsageError when there is none. */
function separating(cells: readonly CellOfBoth[], { bad, good, types }: Ends): CellOfBoth[] {
  const fails = (step: Step | undefined, cell: PlannedCell): boolean | undefined => {
    const result = step && resultOf(step, cell.id);
    if (!result || result.verdict === 'skipped' || result.verdict === 'broken') return undefined;
    return result.verdict !== 'passed';
  };
  const found = cells.filter((cell) => fails(bad, cell.bad) === true && fails(good, cell.good) === false);
  if (found.length > 0) return found;
  const swapped = cells.some((cell) => fails(bad, cell.bad) === false && fails(good, cell.good) === true);
  if (swapped) throw new UsageError(`${types.bad} passes and ${types.good} fails: --good and --bad are swapped`);
  const unjudged = [bad, good].find((step) => step?.answer === 'skip');
  if (unjudged) throw new UsageError(`${unjudged.candidate} cannot be judged: ${unjudged.reason}`);
  const both = bad?.answer === 'bad' ? `fail (${bad.reason})` : 'pass';
  throw new UsageError(`${types.good} and ${types.bad} both ${both}: nothing separates them`);
}

/** One cell of each scenario stands for its devices. */
function firstOfEachScenario(cells: readonly CellOfBoth[]): PlannedCell[] {
  const last = new Map([...cells].reverse().map(({ bad }) => [bad.scenario, bad]));
  return [...last.values()].reverse();
}

function resultOf(step: Step, cell: string | PlannedCell | undefined): CellResult | undefined {
  const id = typeof cell === 'object' ? cell.id : cell;
  return step.cells.find((judged) => judged.cell === id)?.result;
}

/** In which way the first cell of a step failed. */
function signatureIn({ cells }: Step): string | undefined {
  const [first] = cells;
  return first && signatureOf(first.result);
}
