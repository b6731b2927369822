import type { CellResult } from '../../record/events.js';
import { countOf, durationWords } from '../../report/words.js';
import { stateOf } from './judgement.js';
import type { PairName, Row } from './pairs.js';
import { median, permutationTest, type Permuted, type Stratum } from './permutation.js';
import type { Bench, Turn, Verdicts } from './verdicts.js';

/** What is measured of a cell: all of its migrations together. */
export const figures = [
  { name: 'totalMs', title: 'migration time', unit: 'ms' },
  { name: 'downtimeMs', title: 'downtime', unit: 'ms' },
  { name: 'transferredBytes', title: 'bytes sent', unit: 'bytes' },
  { name: 'migrationMs', title: 'migration as Godwit sees it', unit: 'ms' },
] as const;

export type FigureName = (typeof figures)[number]['name'];

export type Figures = Partial<Record<FigureName, number>>;

/** One figure, compared over all cells that were measured. */
export interface FigureChange extends Permuted {
  name: FigureName;
  /** The median over the cells of the median of each: one that takes ten times as long as the others does not hide them. */
  base: number;
  patched: number;
  /** What was measured, by cell. */
  cells: ({ cell: string } & Stratum)[];
  /** True where chance makes a change as large as this too seldom. */
  beyondNoise: boolean;
}

export interface Measured {
  /** Runs of each cell on either build. */
  rounds: number;
  seed: number;
  /** Why there is nothing more, in a sentence; absent where there is. */
  note?: string;
  figures: FigureChange[];
}

/** Chance may take one comparison in a hundred for a change: all figures share that. */
const certainty = 0.01 / figures.length;
const budgetMs = 30_000;
/** A round that takes longer is only run when it is asked for. */
const longestRoundMs = 5 * 60_000;
const mostRounds = 20;

/**
 * Runs what passes on both builds in turns, base → base and patched → patched, one run at a time: A B B A. `rounds` is the number of
 * runs of each cell on either, as many as fit half a minute where it is 'auto'.
 */
export async function measure(
  bench: Bench,
  verdicts: Verdicts,
  { rounds: wanted, seed }: { rounds: number | 'auto'; seed: number },
): Promise<Measured> {
  const { signal, onStep } = bench;
  const rows = bench.rows.filter((row) => sides.every((pair) => stateOf(verdicts.of(row)[pair]) === 'passes'));
  const rounds = wanted === 'auto' ? roundsFor(rows, verdicts) : wanted;
  const nothing = (note: string): Measured => ({ rounds: 0, seed, note, figures: [] });
  if (wanted === 0) return nothing('not measured, as was asked for');
  if (rows.length === 0) return nothing('not measured: no cell passes on both builds');
  if (rounds === 0)
    return nothing(`not measured: a round takes longer than ${durationWords(longestRoundMs)}; --measure 1 runs one`);
  onStep(`measuring: ${countOf(rows.length, 'cell')}, ${countOf(rounds, 'run')} on either build, in turns…`);
  const seen = new Map(rows.map((row) => [row, { base: [] as Figures[], patched: [] as Figures[] }]));
  for (let round = 0; round < rounds; round += 1) {
    for (const row of rows) {
      for (const [side, turn] of turnsOf(row, round)) {
        if (signal.aborted) return nothing('measuring was interrupted');
        const [result] = await verdicts.play([turn]);
        const measured = result?.verdict === 'passed' ? figuresOf(result) : undefined;
        if (measured) seen.get(row)?.[side].push(measured);
      }
    }
  }
  return { rounds, seed, figures: compareFigures([...seen], seed) };
}

const sides = ['base → base', 'patched → patched'] as const satisfies PairName[];

function turnsOf(row: Row, round: number): [side: 'base' | 'patched', turn: Turn][] {
  const turns = sides.flatMap((pair): [side: 'base' | 'patched', turn: Turn][] => {
    const cell = row.cells[pair];
    return cell ? [[pair === 'base → base' ? 'base' : 'patched', { row, pair, cell }]] : [];
  });
  return round % 2 === 0 ? turns : turns.reverse();
}

function roundsFor(rows: readonly Row[], verdicts: Verdicts): number {
  const times = rows.flatMap((row) => sides.map((pair) => verdicts.lastOf(row, pair)?.durationMs ?? 0));
  const roundMs = times.reduce((sum, ms) => sum + ms, 0);
  if (roundMs > longestRoundMs) return 0;
  return Math.min(mostRounds, Math.max(1, Math.floor(budgetMs / Math.max(1, roundMs))));
}

/** The figures of one run: those that every migration of it has. */
export function figuresOf({ outcomes, phasesMs }: CellResult): Figures {
  const found: Figures = {};
  for (const name of ['totalMs', 'downtimeMs', 'transferredBytes'] as const) {
    const values = outcomes.flatMap((outcome) => outcome[name] ?? []);
    if (values.length > 0 && values.length === outcomes.length) found[name] = values.reduce((sum, one) => sum + one, 0);
  }
  return { ...found, ...(phasesMs.migration !== undefined && { migrationMs: phasesMs.migration }) };
}

function compareFigures(
  seen: readonly (readonly [Row, { base: readonly Figures[]; patched: readonly Figures[] }])[],
  seed: number,
): FigureChange[] {
  return figures.flatMap(({ name }) => {
    const valuesOf = (runs: readonly Figures[]): number[] => runs.flatMap((run) => run[name] ?? []);
    const cells = seen
      .map(([row, { base, patched }]) => ({ cell: row.name, base: valuesOf(base), patched: valuesOf(patched) }))
      .filter(({ base, patched }) => base.length > 0 && patched.length > 0);
    if (cells.length === 0) return [];
    const test = permutationTest(cells, { seed });
    const typical = (side: 'base' | 'patched'): number => median(cells.map((cell) => median(cell[side])));
    const [base, patched] = [typical('base'), typical('patched')];
    return [{ name, base, patched, ...test, beyondNoise: test.p <= certainty, cells }];
  });
}
