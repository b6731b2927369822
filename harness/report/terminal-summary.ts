import { join } from 'node:path';
import type { RunSummary } from '../record/summary.js';
import type { Verdict } from '../record/verdict.js';
import { evidenceOf, explanationsOf, storyOf, type Explanation } from './explanation.js';
import { renderMatrix } from './matrix.js';
import type { Paint } from './paint.js';
import { countOf, countsWords, durationWords, printableLine, rateWords } from './words.js';

const mostCells = 5;
const mostExplanations = 40;

/** What a person reads when the run is over: the matrix, one entry for each explanation, the counts, and where the reports lie. */
export function renderSummary(
  summary: RunSummary,
  options: { columns: number; paint: Paint; files: readonly string[]; folder: string },
): string[] {
  const { paint, files } = options;
  const explanations = explanationsOf(summary);
  const lines = renderMatrix(summary, options);
  for (const explanation of explanations.slice(0, mostExplanations)) lines.push(...entryOf(explanation, options), '');
  if (explanations.length > mostExplanations) {
    lines.push(`… and ${countOf(explanations.length - mostExplanations, 'more explanation')}`, '');
  }
  for (const [remark, count] of remarksOf(summary))
    lines.push(`remark  ${printableLine(remark)} — ${countOf(count, 'cell')}`, '');
  if (summary.interrupted) lines.push(paint.bold('interrupted: the cells that had not finished are counted as broken'));
  else if (!summary.finished)
    lines.push(paint.bold('the record ends before the run does: the harness was killed or still runs'));
  lines.push(countsLine(summary, paint), ...files.map((file) => `report: ${printableLine(file)}`));
  return lines;
}

/** Every remark once, with the number of cells that it is about. */
function remarksOf({ cells }: RunSummary): Map<string, number> {
  const counts = new Map<string, number>();
  for (const remark of cells.flatMap(({ result }) => result?.remarks ?? []))
    counts.set(remark, (counts.get(remark) ?? 0) + 1);
  return counts;
}

function entryOf(
  { verdict, title, cells }: Explanation,
  { paint, folder }: { paint: Paint; folder: string },
): string[] {
  const lines = [`${headOf(verdict, title, paint)} — ${countOf(cells.length, 'cell')}`];
  if (verdict === 'skipped') return lines;
  const [first] = cells;
  const evidence = first.result ? evidenceOf(first.result) : { diagnosis: [], hints: [], raw: [] };
  for (const said of storyOf(evidence, first.reason)) {
    if (!title.endsWith(said)) lines.push(`        ${printableLine(said)}`);
  }
  for (const { cell } of cells.slice(0, mostCells)) lines.push(paint.dim(`        ${printableLine(cell.id)}`));
  if (cells.length > mostCells) lines.push(paint.dim(`        … and ${cells.length - mostCells} more`));
  if (first.result?.folder !== undefined)
    lines.push(paint.dim(`        see ${printableLine(join(folder, first.result.folder))}`));
  return lines;
}

function headOf(verdict: Verdict, title: string, paint: Paint): string {
  const words = printableLine(title);
  // The title of a known issue begins with the verdict's own word.
  if (words.startsWith(`${verdict} `)) return paint.verdict(verdict, verdict) + words.slice(verdict.length);
  return `${paint.verdict(verdict, verdict.padEnd(7))} ${words}`;
}

function countsLine(summary: RunSummary, paint: Paint): string {
  const counts = countsWords(summary.counts)
    .map(({ verdict, words }) => (summary.counts[verdict] > 0 ? paint.verdict(verdict, words) : words))
    .join(', ');
  const rate = rateWords(summary.cells.length - summary.counts.skipped, summary.durationMs);
  return `${counts} in ${durationWords(summary.durationMs)}${rate === undefined ? '' : `, ${rate}`}`;
}
