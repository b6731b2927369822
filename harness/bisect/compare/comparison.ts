import type { BuildSummary } from '../../record/events.js';
import { type ComparedStream, compareStreams } from './captures.js';
import { type Judgement, judgeRow, stateOf, type Tallies } from './judgement.js';
import { type Measured, measure } from './measure.js';
import { cellsOf, type PairName, pairNames, type Row } from './pairs.js';
import { type Bench, Verdicts } from './verdicts.js';

export interface CompareWishes {
  /** Runs of each cell on either build that are measured. */
  rounds: number | 'auto';
  seed: number;
  streams: boolean;
  /** Cells that must go from failing to passing. */
  expectFix?: RegExp;
}

/** A row with what it came to. */
export interface ComparedRow {
  name: string;
  scenario: string;
  machineType: string;
  /** Ids of its cells. */
  cells: Partial<Record<PairName, string>>;
  tallies: Tallies;
  judgement: Judgement;
}

/** Whether what was to be fixed is. */
export interface Expected {
  expression: string;
  cells: number;
  /** Cells that did not go from failing to passing, each with why not. */
  unmet: { cell: string; why: string }[];
}

/** A patch, judged. */
export interface Comparison {
  base: BuildSummary;
  patched: BuildSummary;
  rows: ComparedRow[];
  /** Absent where it was not asked for, or not come to. */
  streams?: ComparedStream[];
  measured?: Measured;
  expected?: Expected;
  interrupted: boolean;
  /** 0 where nothing broke and what was expected is fixed, 1 otherwise, 3 where a cell could not be judged, 130 when interrupted. */
  exitStatus: number;
}

/** Judges a patch: verdicts on four pairs, then the streams, then the figures. What is known when it is interrupted is returned. */
export async function compare(bench: Bench, wishes: CompareWishes): Promise<Comparison> {
  const { rows, signal } = bench;
  const verdicts = new Verdicts(bench);
  await verdicts.find();
  const streams = wishes.streams && !signal.aborted ? await compareStreams(bench, verdicts) : undefined;
  const measured = signal.aborted ? undefined : await measure(bench, verdicts, wishes);
  // After all of it: every run is a verdict, whatever it was run for.
  const compared = rows.map((row) => comparedRow(row, verdicts.of(row)));
  const expected = wishes.expectFix && expectedOf(wishes.expectFix, rows, compared);
  const known = { rows: compared, ...(expected && { expected }), interrupted: signal.aborted };
  return {
    base: summaryOf(bench.builds.base),
    patched: summaryOf(bench.builds.patched),
    ...known,
    ...(streams && { streams }),
    ...(measured && { measured }),
    exitStatus: exitStatusOf(known),
  };
}

function comparedRow(row: Row, tallies: Tallies): ComparedRow {
  const { name, scenario, machineType } = row;
  const cells = Object.fromEntries(pairNames.flatMap((pair) => (row.cells[pair] ? [[pair, row.cells[pair].id]] : [])));
  return { name, scenario, machineType, cells, tallies, judgement: judgeRow(tallies) };
}

/** The rows of which a cell is meant. */
export function rowsMeant(expression: RegExp, rows: readonly Row[]): Row[] {
  return rows.filter((row) => cellsOf(row).some(({ id }) => expression.test(id)));
}

function expectedOf(expression: RegExp, rows: readonly Row[], compared: readonly ComparedRow[]): Expected {
  const names = new Set(rowsMeant(expression, rows).map(({ name }) => name));
  const meant = compared.filter(({ name }) => names.has(name));
  const unmet = meant.flatMap((row) => {
    const why = whyUnmet(row);
    return why === undefined ? [] : [{ cell: row.name, why }];
  });
  return { expression: expression.source, cells: meant.length, unmet };
}

const stateWords = {
  passes: 'passes',
  fails: 'fails',
  flaky: 'fails now and then',
  skipped: 'cannot run',
  broken: 'could not be judged',
  unknown: 'was not judged',
};

function whyUnmet({ tallies, judgement }: ComparedRow): string | undefined {
  if (judgement.fixes.includes('patched → patched')) return undefined;
  const told = (['base → base', 'patched → patched'] as const).map(
    (pair) => `it ${stateWords[stateOf(tallies[pair])]} on ${pair}`,
  );
  return told.join(' and ');
}

function exitStatusOf({ rows, expected, interrupted }: Pick<Comparison, 'rows' | 'expected' | 'interrupted'>): number {
  if (interrupted) return 130;
  if (rows.some(({ judgement }) => judgement.broken !== undefined)) return 3;
  const breaks = rows.some(({ judgement }) => judgement.breaks.length > 0);
  return breaks || (expected?.unmet.length ?? 0) > 0 ? 1 : 0;
}

function summaryOf({ name, version, package: text, sha256 }: Bench['builds']['base']): BuildSummary {
  return { name, version: version.text, package: text, sha256 };
}
