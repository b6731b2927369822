import { join } from 'node:path';
import type { Phase } from '../record/events.js';
import { stationsOf } from '../record/route.js';
import type { CellSummary, RunSummary } from '../record/summary.js';
import { verdicts } from '../record/verdict.js';
import { explanationsOf, type Explanation } from './explanation.js';
import { phases, renderCell, renderPhases, type CellPlace } from './html-cell.js';
import { pageScript, pageStyle } from './html-page.js';
import { attributes, escapeText } from './markup.js';
import { buildLabel, matrixOf, type Matrix } from './matrix.js';
import { writeReport } from './report-file.js';
import type { ReportContext, Reporter } from './reporter.js';
import { countOf, countsWords, durationWords, rateWords, verdictsIn } from './words.js';

/** Name of the page inside the output folder. */
export const htmlFileName = 'report.html';

const mostLinks = 10;

/** Writes `report.html`, one page that needs nothing from outside: matrix, explanations, and every cell with its evidence. */
export class HtmlReporter implements Reporter {
  constructor(private readonly context: ReportContext) {}

  onEvent(): void {
    // The summary holds all that is needed.
  }

  async close(summary: RunSummary): Promise<void> {
    await writeReport(join(this.context.folder, htmlFileName), renderHtml(summary));
  }
}

/** The page in pieces. It is well-formed XML too, so that a strict parser can tell when something was not escaped. */
export function* renderHtml(summary: RunSummary): Generator<string, void, undefined> {
  const matrix = matrixOf(summary);
  const numbers = new Map(summary.cells.map((cell, number) => [cell, number]));
  yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>';
  yield '<meta name="viewport" content="width=device-width, initial-scale=1"/><meta name="color-scheme" content="light dark"/>';
  yield `<title>Godwit: ${escapeText(plainCounts(summary))}</title><style>${pageStyle}</style></head>\n<body>\n`;
  yield renderHeader(summary);
  yield renderMatrix(summary, matrix);
  const explanations = explanationsOf(summary);
  if (explanations.length > 0) yield '<h2>Why</h2>\n<ul class="why-list">\n';
  for (const explanation of explanations) yield renderExplanation(explanation, numbers);
  if (explanations.length > 0) yield '</ul>\n';
  yield renderForm(summary);
  const places = placesIn(matrix);
  const badness = (cell: CellSummary): number => verdicts.indexOf(cell.verdict);
  for (const cell of [...summary.cells].sort((a, b) => badness(b) - badness(a))) {
    yield renderCell(cell, { number: numbers.get(cell) ?? 0, ...places(cell) });
  }
  yield `<script>${pageScript}</script>\n</body></html>\n`;
}

function plainCounts({ counts }: RunSummary): string {
  return countsWords(counts)
    .map(({ words }) => words)
    .join(', ');
}

function renderHeader(summary: RunSummary): string {
  const counts = countsWords(summary.counts).map(({ verdict }) => {
    const count = summary.counts[verdict];
    return `<li class="${count > 0 ? verdict : 'none'}"><b>${count}</b>${verdict}</li>`;
  });
  const facts = [
    summary.startedAt,
    durationWords(summary.durationMs),
    rateWords(summary.cells.length - summary.counts.skipped, summary.durationMs),
    countOf(summary.jobs, 'job'),
    `seed ${summary.seed}`,
    summary.shard === undefined ? undefined : `shard ${summary.shard}`,
    `godwit ${summary.godwit}`,
  ];
  const builds = summary.builds.map((build) => {
    const text = `${build.name} is QEMU ${build.version}${build.package === '' ? '' : ` (${build.package})`}`;
    return `<p class="quiet">${escapeText(text)}, SHA-256 <code>${escapeText(build.sha256)}</code></p>\n`;
  });
  const end = summary.interrupted
    ? 'This run was interrupted.'
    : 'This run was killed or still goes on: the record has no end.';
  return [
    '<h1>Godwit: live migration</h1>\n',
    `<p class="quiet">${escapeText(facts.filter((fact) => fact !== undefined).join(' · '))}</p>\n`,
    summary.finished && !summary.interrupted ? '' : `<p class="why">${end}</p>\n`,
    `<ul class="counts">${counts.join('')}</ul>\n`,
    summary.argv.length > 0 ? `<p class="quiet"><code>${escapeText(summary.argv.join(' '))}</code></p>\n` : '',
    ...builds,
    renderPhases(phasesOf(summary)),
  ].join('');
}

function phasesOf(summary: RunSummary): Partial<Record<Phase, number>> {
  const sums: Partial<Record<Phase, number>> = {};
  for (const { result } of summary.cells) {
    for (const phase of phases) sums[phase] = (sums[phase] ?? 0) + (result?.phasesMs[phase] ?? 0);
  }
  return sums;
}

function renderMatrix(summary: RunSummary, { machineTypes, rows }: Matrix): string {
  const heads = machineTypes.map((type) => `<th scope="col">${escapeText(type)}</th>`).join('');
  const lines = rows.map(({ route, counts }, row) => {
    const label = stationsOf(route).map(
      (name, hop) => `<span>${hop === 0 ? '' : '→ '}${escapeText(buildLabel(summary, name))}</span>`,
    );
    const fields = counts.map((field, column) => {
      if (!field) return '<td class="empty">–</td>';
      const [worst = 'skipped', ...others] = verdictsIn(field);
      const rest = others.map((verdict) => `<small>${verdict} ${field[verdict]}</small>`).join('');
      const head = attributes({ class: worst, 'data-row': row, 'data-column': column });
      return `<td${head}><b>${worst} ${field[worst]}</b>${rest}</td>`;
    });
    return `<tr><th scope="row">${label.join('') || '(no route)'}</th>${fields.join('')}</tr>\n`;
  });
  const table = `<thead><tr><th></th>${heads}</tr></thead>\n<tbody>${lines.join('')}</tbody>`;
  return `<h2>Routes and machine types</h2>\n<div class="scroll"><table class="matrix">${table}</table></div>\n`;
}

function renderExplanation({ verdict, title, cells }: Explanation, numbers: Map<CellSummary, number>): string {
  const links = cells
    .slice(0, mostLinks)
    .map((cell) => `<li><a href="#c${numbers.get(cell) ?? 0}">${escapeText(cell.cell.id)}</a></li>`);
  const more = cells.length > mostLinks ? `<li>… and ${cells.length - mostLinks} more</li>` : '';
  const list = verdict === 'skipped' ? '' : `<ul>${links.join('')}${more}</ul>`;
  const head = `<span class="tag ${verdict}">${verdict}</span> ${escapeText(title.replace(/^known issue /, verdict === 'known' ? 'issue ' : '$&'))}`;
  return `<li class="${verdict}">${head} <span class="quiet">${countOf(cells.length, 'cell')}</span>${list}</li>\n`;
}

function renderForm(summary: RunSummary): string {
  const boxes = verdictsIn(summary.counts).map((verdict) => {
    const box = `<input type="checkbox" name="verdict" value="${verdict}" checked="checked"/>`;
    return `<label class="${verdict}">${box} ${verdict} ${summary.counts[verdict]}</label>`;
  });
  const words =
    '<input type="search" id="words" placeholder="filter by words of the id" aria-label="filter by words of the id"/>';
  const count = `<output class="quiet" id="shown">${countOf(summary.cells.length, 'cell')}</output>`;
  return `<h2>Cells</h2>\n<form>${words}${boxes.join('')}${count}</form>\n`;
}

function placesIn({ rows, machineTypes }: Matrix): (cell: CellSummary) => Pick<CellPlace, 'row' | 'column'> {
  const rowOf = new Map(rows.map(({ route }, row) => [route.join('\u0000'), row]));
  const columnOf = new Map(machineTypes.map((type, column) => [type, column]));
  return ({ cell }) => ({
    row: rowOf.get(cell.route.join('\u0000')) ?? 0,
    column: columnOf.get(cell.machineType) ?? 0,
  });
}
