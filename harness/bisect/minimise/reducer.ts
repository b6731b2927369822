import { createHash } from 'node:crypto';
import type { Build } from '../../build/build.js';
import type { CellResult, PlannedCell, Variation } from '../../record/events.js';
import { varied } from '../../run/plan.js';
import { minimised, type Shown } from '../delta-debugging.js';
import type { Candidate, Step } from '../inquiry.js';
import { leftWords, type Noun, type Rounds } from '../rounds.js';
import { type BothSides, CommandLines } from './command-lines.js';

/** How small a cell has become. */
export interface Reduction {
  /** Keys of options that are gone, with what needed them gone too. */
  options: ReadonlySet<string>;
  /** Properties that are gone, as CommandLines names them. */
  properties: ReadonlySet<string>;
  /** Places of the body's actions that are left out. */
  actions: ReadonlySet<number>;
  /** True when the guest has no more memory than guests usually have. */
  usualMemory: boolean;
}

export interface ReducerOptions extends BothSides {
  builds: readonly Build[];
  cell: PlannedCell;
  rounds: Rounds;
  /** MiB that guests of this kind usually have, where the cell's has more on both sides. */
  usualMemoryMiB?: number;
}

/** Makes a failing cell smaller for as long as it fails in the same way, one kind of thing after the other, until nothing more can go. */
export class Reducer {
  readonly lines: CommandLines;
  reduction: Reduction = {
    ...{ options: new Set<string>(), properties: new Set<string>(), actions: new Set<number>() },
    usualMemory: false,
  };

  /** By what the variation says: two ways may lead to the same command lines. */
  private readonly known = new Map<string, Step>();

  constructor(private readonly options: ReducerOptions) {
    this.lines = new CommandLines(options);
  }

  /** The cell with nothing taken away, as a variation of itself: its actions are told. */
  async whole(): Promise<Step | undefined> {
    const [step] = await this.ask([this.reduction], 'everything there');
    return step;
  }

  /** The last step that failed in the same way with what is left. */
  get smallest(): CellResult | undefined {
    return this.known.get(keyOf(this.variation(this.reduction)))?.cells[0]?.result;
  }

  /** @param actions places of the actions that may be left out */
  async reduce(actions: readonly number[]): Promise<void> {
    for (let before = ''; before !== keyOf(this.variation(this.reduction));) {
      before = keyOf(this.variation(this.reduction));
      await this.reduceOptions(this.lines.devices(this.reduction), ['device', 'devices']);
      await this.reduceOptions(this.lines.others(this.reduction), ['other option', 'other options']);
      await this.reduceMemory();
      const { properties } = this.reduction;
      const named = this.lines.properties(this.reduction);
      await this.drop(named, ['property', 'properties'], (gone) => ({ properties: new Set([...properties, ...gone]) }));
      const omitted = this.reduction.actions;
      const asked = actions.filter((place) => !omitted.has(place));
      await this.drop(asked, ['action', 'actions'], (gone) => ({ actions: new Set([...omitted, ...gone]) }));
    }
  }

  private async reduceOptions(keys: readonly string[], noun: Noun): Promise<void> {
    const { options } = this.reduction;
    await this.drop(keys, noun, (gone) => ({ options: new Set([...options, ...gone]) }));
  }

  private async reduceMemory(): Promise<void> {
    if (this.options.usualMemoryMiB === undefined || this.reduction.usualMemory) return;
    const smaller = { ...this.reduction, usualMemory: true };
    const [step] = await this.ask([smaller], 'less memory');
    if (step?.answer === 'bad') this.reduction = smaller;
  }

  /** Takes away what can go of some pieces. */
  private async drop<T>(
    pieces: readonly T[],
    noun: Noun,
    without: (gone: readonly T[]) => Partial<Reduction>,
  ): Promise<void> {
    if (pieces.length === 0) return;
    const start = this.reduction;
    const reductionTo = (kept: readonly T[]): Reduction => ({
      ...start,
      ...without(pieces.filter((piece) => !kept.includes(piece))),
    });
    const kept = await minimised(pieces, async (subsets, left) => {
      const steps = await this.ask(subsets.map(reductionTo), leftWords(left, noun));
      return steps.map(({ answer }): Shown => (answer === 'bad' ? 'yes' : answer === 'skip' ? 'unresolved' : 'no'));
    });
    this.reduction = reductionTo(kept);
  }

  /** What reductions show, those that come to the same asked once. */
  private async ask(reductions: readonly Reduction[], what: string): Promise<Step[]> {
    const variations = reductions.map((reduction) => this.variation(reduction));
    const unknown = new Map(variations.map((variation) => [keyOf(variation), variation]));
    for (const key of this.known.keys()) unknown.delete(key);
    if (unknown.size > 0) {
      const steps = await this.options.rounds.ask(
        [...unknown.values()].map((one) => this.candidate(one)),
        what,
      );
      for (const [index, key] of [...unknown.keys()].entries()) {
        const step = steps[index];
        if (step) this.known.set(key, step);
      }
    }
    return variations.flatMap((variation) => this.known.get(keyOf(variation)) ?? []);
  }

  private variation(reduction: Reduction): Omit<Variation, 'label'> {
    const { words, destinationWords } = this.lines.words(reduction);
    const { usualMemoryMiB } = this.options;
    const memory = reduction.usualMemory && usualMemoryMiB !== undefined ? ['-m', String(usualMemoryMiB)] : [];
    return {
      words: [...words],
      ...(destinationWords && { destinationWords: [...destinationWords] }),
      ...(memory.length > 0 && { added: memory }),
      omitted: [...reduction.actions].sort((a, b) => a - b),
    };
  }

  private candidate(variation: Omit<Variation, 'label'>): Candidate {
    const { builds, cell } = this.options;
    // By what it is and not by when it was asked: an earlier search of the same question may have asked in another order.
    const digest = createHash('sha256').update(keyOf(variation)).digest('hex').slice(0, 12);
    const changed = varied(cell, { label: `reduced ${digest}`, ...variation });
    return { name: changed.id, builds, cells: [changed] };
  }
}

function keyOf(variation: Omit<Variation, 'label'>): string {
  return JSON.stringify(variation);
}
