import { stationsOf } from '../record/route.js';
import type { CellSummary, RunSummary } from '../record/summary.js';
import { countVerdicts, type Verdict, type VerdictCounts } from '../record/verdict.js';
import type { Paint } from './paint.js';
import { printableLine, verdictsIn } from './words.js';

/** Cells by route and machine type. */
export interface Matrix {
  /** Sorted with numbers as numbers: pc-q35-6.0 before pc-q35-10.0. */
  machineTypes: string[];
  rows: MatrixRow[];
}

/** One route; `counts` has one entry for each machine type, undefined where nothing was planned. */
export interface MatrixRow {
  route: string[];
  counts: (VerdictCounts | undefined)[];
}

const separator = '\u0000';

/** Counts the cells of a run by route (in the order of the plan) and machine type. */
export function matrixOf(summary: RunSummary): Matrix {
  const byRoute = new Map<string, Map<string, CellSummary[]>>();
  for (const cell of summary.cells) {
    const key = cell.cell.route.join(separator);
    const row = byRoute.get(key) ?? new Map<string, CellSummary[]>();
    byRoute.set(key, row);
    const group = row.get(cell.cell.machineType);
    if (group) group.push(cell);
    else row.set(cell.cell.machineType, [cell]);
  }
  const numbersAsNumbers = new Intl.Collator('en', { numeric: true });
  const machineTypes = [...new Set(summary.cells.map(({ cell }) => cell.machineType))].sort(numbersAsNumbers.compare);
  const rows = [...byRoute].map(([key, row]) => ({
    route: key === '' ? [] : key.split(separator),
    counts: machineTypes.map((type) => {
      const group = row.get(type);
      return group && countVerdicts(group.map(({ verdict }) => verdict));
    }),
  }));
  return { machineTypes, rows };
}

/** A build with its version, "deb:bookworm 7.2.22"; the name alone when the record does not know the version. */
export function buildLabel(summary: RunSummary, name: string): string {
  const version = summary.builds.find((build) => build.name === name)?.version;
  return version ? `${name} ${version}` : name;
}

const widestLabel = 38;
const gap = 3;

/**
 * The picture at the end of a run, as lines without line feeds: one build of the route below the other, and in each field the
 * verdicts with their counts, the worst first. Machine types that do not fit `columns` characters go into a further block.
 */
export function renderMatrix(summary: RunSummary, options: { columns: number; paint: Paint }): string[] {
  const { paint } = options;
  const { machineTypes, rows } = matrixOf(summary);
  const labels = rows.map(({ route }) => labelOf(summary, route));
  const labelWidth = Math.max(0, ...labels.flat().map(length));
  const fields = rows.map((row) => row.counts.map(fieldOf));
  const widths = machineTypes.map((type, column) => {
    return Math.max(
      length(printableLine(type)),
      ...fields.flatMap((row) => row[column] ?? []).map(({ text }) => length(text)),
    );
  });
  const lines: string[] = [];
  for (const { from, to } of blocksOf(widths, options.columns - labelWidth)) {
    const heads = machineTypes
      .slice(from, to)
      .map((type, index) => printableLine(type).padEnd((widths[from + index] ?? 0) + gap));
    lines.push(paint.bold(`${' '.repeat(labelWidth + gap)}${heads.join('')}`.trimEnd()));
    for (const [index, label] of labels.entries()) {
      const row = (fields[index] ?? []).slice(from, to);
      const height = Math.max(label.length, ...row.map((field) => field.length));
      for (let line = 0; line < height; line += 1) {
        const parts = row.map((field, column) => paddedPart(field[line], (widths[from + column] ?? 0) + gap, paint));
        lines.push(`${(label[line] ?? '').padEnd(labelWidth + gap)}${parts.join('')}`.trimEnd());
      }
      lines.push('');
    }
  }
  return lines;
}

interface FieldLine {
  text: string;
  verdict?: Verdict;
}

function fieldOf(counts: VerdictCounts | undefined): FieldLine[] {
  if (!counts) return [{ text: '-' }];
  return verdictsIn(counts).map((verdict) => ({ verdict, text: `${verdict} ${counts[verdict]}` }));
}

function paddedPart(part: FieldLine | undefined, width: number, paint: Paint): string {
  if (!part) return ' '.repeat(width);
  const painted = part.verdict ? paint.verdict(part.verdict, part.text) : part.text;
  return painted + ' '.repeat(Math.max(0, width - length(part.text)));
}

function labelOf(summary: RunSummary, route: string[]): string[] {
  if (route.length === 0) return ['(no route)'];
  return stationsOf(route).map((name, hop) => {
    const label = printableLine(buildLabel(summary, name));
    const short =
      length(label) > widestLabel
        ? `…${Array.from(label)
            .slice(1 - widestLabel)
            .join('')}`
        : label;
    return hop === 0 ? short : `→ ${short}`;
  });
}

function blocksOf(widths: number[], room: number): { from: number; to: number }[] {
  const blocks: { from: number; to: number }[] = [];
  let used = Infinity;
  for (const [column, width] of widths.entries()) {
    const last = blocks.at(-1);
    if (last && used + gap + width <= room) {
      last.to = column + 1;
      used += gap + width;
    } else {
      blocks.push({ from: column, to: column + 1 });
      used = gap + width;
    }
  }
  return blocks;
}

function length(text: string): number {
  return Array.from(text).length;
}
