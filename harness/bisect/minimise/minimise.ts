import type { Build } from '../../build/build.js';
import { UsageError } from '../../core/errors.js';
import { usualMemoryMiB } from '../../machine/family.js';
import type { CellResult, GuestAction, PlannedCell } from '../../record/events.js';
import { commandWords } from '../../scenario/command-words.js';
import type { CellShape, Scenario } from '../../scenario/definition.js';
import { settle } from '../constancy.js';
import type { Certainty, CertaintyWords } from '../repeat.js';
import type { Answer, Candidate, Inquiry, Step } from '../inquiry.js';
import { Rounds } from '../rounds.js';
import { signatureOf } from '../signature.js';
import type { BothSides } from './command-lines.js';
import { Reducer } from './reducer.js';

/** Says whether a cell fails in the way in which another one failed. */
export class SameWay {
  signature: string | undefined;

  readonly judge = (result: CellResult): Answer => {
    const { verdict } = result;
    if (verdict === 'passed') return 'good';
    if (verdict !== 'failed' && verdict !== 'flaky') return 'skip';
    // Another failure says nothing of the one that is looked at.
    return this.signature === undefined || signatureOf(result) === this.signature ? 'bad' : 'skip';
  };
}

export interface MinimiseOptions {
  scenario: Scenario;
  cell: PlannedCell;
  /** In the order of the cell's journey. */
  route: readonly Build[];
  signal: AbortSignal;
  onProgress: (line: string) => void;
  /** How sure it must be that a cell does not fail any more. */
  certainty: CertaintyWords;
}

/** How much there is of what can be taken away. */
export interface Amounts {
  devices: number;
  /** Options beside devices and what they use. */
  others: number;
  properties: number;
  /** What the body asks for, migrations left out. */
  actions: number;
}

/** The smallest of a cell that still fails in the same way. */
export interface Minimal extends BothSides {
  scenario: Scenario;
  cell: PlannedCell;
  shape: CellShape;
  /** What the body still asks for, migrations among it. */
  actions: GuestAction[];
  /** True when the guest needs no more memory than guests usually have. */
  usualMemory: boolean;
  /** How it failed the last time. */
  result: CellResult;
  signature: string;
  before: Amounts;
  after: Amounts;
  asked: number;
  certainty: Certainty;
}

/**
 * Takes away from a failing cell whatever it fails in the same way without: devices and what depends on them, other options, properties, actions.
 * Throws UsageError for a cell that does not fail, does not start, or fails in several ways, and StateError when the host is broken.
 */
export async function minimise(inquiry: Inquiry, sameWay: SameWay, options: MinimiseOptions): Promise<Minimal> {
  const { scenario, cell, route } = options;
  const builds = [...new Set(route)];
  const plain: Candidate = { name: cell.id, builds, cells: [cell] };
  const rounds = new Rounds(inquiry, { ...options, known: plain });
  const asItIs = async (): Promise<Step> => {
    const asked = await rounds.one(plain, 'the cell as it is');
    const [failed] = asked.answer === 'bad' ? asked.cells : [];
    // From the first failure on, another one is not the one that is looked at.
    if (failed) sameWay.signature ??= signatureOf(failed.result);
    return asked;
  };
  const { step, certainty } = await settle(inquiry, asItIs, options.certainty);
  sameWay.signature = failureOf(cell, step.cells[0]?.result);

  const shape: CellShape = { machineType: cell.machineType, options: cell.options, route };
  const usual = usualMemoryOf(scenario, shape);
  const reducer = new Reducer({
    ...{ builds, cell, rounds, ...sidesOf(scenario, shape) },
    ...(usual !== undefined && { usualMemoryMiB: usual }),
  });
  const amounts = (actions: readonly GuestAction[]): Amounts => ({
    devices: reducer.lines.devices(reducer.reduction).length,
    others: reducer.lines.others(reducer.reduction).length,
    properties: reducer.lines.properties(reducer.reduction).length,
    actions: actions.filter(({ on }) => on !== '').length,
  });
  const whole = await reducer.whole();
  const wholeResult = whole?.cells[0]?.result;
  if (whole?.answer !== 'bad' || !wholeResult) {
    const otherwise = wholeResult ? signatureOf(wholeResult) : 'nothing';
    throw new UsageError(`${cell.id} does not fail in one way: ${sameWay.signature}, and then ${otherwise}`);
  }
  const taken = wholeResult.actions ?? [];
  const before = amounts(taken);
  await reducer.reduce(taken.flatMap(({ on }, place) => (on === '' ? [] : [place])));
  const result = reducer.smallest ?? wholeResult;
  const actions = renamed((result.actions ?? []).filter(({ omitted }) => omitted !== true));
  return {
    ...{ scenario, cell, shape, actions, result, signature: sameWay.signature, before, after: amounts(actions) },
    ...reducer.lines.words(reducer.reduction),
    usualMemory: reducer.reduction.usualMemory,
    asked: rounds.cells,
    certainty,
  };
}

/** In which way the cell fails. Throws UsageError where it does not, or where nothing migrates. */
function failureOf({ id }: PlannedCell, result: CellResult | undefined): string {
  const { verdict = 'skipped', reason = 'it was not run', outcomes = [] } = result ?? {};
  if (verdict === 'passed') throw new UsageError(`${id} passes: there is nothing to make smaller`);
  if (!result || (verdict !== 'failed' && verdict !== 'flaky'))
    throw new UsageError(`${id} cannot be judged: ${reason}`);
  if (outcomes.some((outcome) => outcome.class === 'cannot-start'))
    throw new UsageError(`${id} does not start, which its own command line explains: ${reason}`);
  return signatureOf(result);
}

/** The words of both sides as the scenario has them. */
function sidesOf(scenario: Scenario, shape: CellShape): BothSides {
  const words = commandWords(scenario.devices, shape);
  const other = scenario.destination?.(shape).devices;
  return { words, ...(other !== undefined && { destinationWords: commandWords(other, shape) }) };
}

/** MiB that guests of the scenario's kind usually have, where it asks for more and both sides have the same. */
function usualMemoryOf(scenario: Scenario, shape: CellShape): number | undefined {
  const usual = scenario.guest === 'linux' ? 192 : usualMemoryMiB(shape.machineType);
  const { memoryMiB = usual } = scenario;
  return memoryMiB > usual && scenario.destination?.(shape).memoryMiB === undefined ? usual : undefined;
}

/** The same with what they give numbered anew: what was given and is gone leaves no gap. */
function renamed(actions: readonly GuestAction[]): GuestAction[] {
  const names = new Map<string, string>();
  for (const { method, gives } of actions) {
    const earlier = [...names.values()].filter((name) => name.replace(/\d+$/, '') === method).length;
    if (gives !== undefined) names.set(gives, `${method}${earlier + 1}`);
  }
  return actions.map(({ on, gives, ...action }) => {
    const [root = '', ...parts] = on.split('.');
    const name = gives === undefined ? undefined : names.get(gives);
    return { on: [names.get(root) ?? root, ...parts].join('.'), ...action, ...(name !== undefined && { gives: name }) };
  });
}
