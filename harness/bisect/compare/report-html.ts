import { pageStyle } from '../../report/html-page.js';
import { escapeText } from '../../report/markup.js';
import { printableLine } from '../../report/words.js';
import type { ComparedRow, Comparison } from './comparison.js';
import { stateOf, type Tally, type TallyState } from './judgement.js';
import { pairNames } from './pairs.js';
import { reportLines } from './report.js';

/** The verdict in whose colour a field of the table is. */
const tones: Record<TallyState, string> = {
  passes: 'passed',
  fails: 'failed',
  flaky: 'flaky',
  skipped: 'skipped',
  broken: 'broken',
  unknown: 'empty',
};

/** The comparison as a page that needs nothing from outside: the report, and a table of all cells on the four pairs. Well-formed XML too. */
export function* renderComparison(comparison: Comparison): Generator<string, void, undefined> {
  const { base, patched, rows } = comparison;
  const title = `Godwit: ${base.name} against ${patched.name}`;
  yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>';
  yield '<meta name="viewport" content="width=device-width, initial-scale=1"/><meta name="color-scheme" content="light dark"/>';
  yield `<title>${escapeText(title)}</title><style>${pageStyle}</style></head>\n<body>\n`;
  yield `<h1>${escapeText(title)}</h1>\n`;
  yield `<pre>${escapeText(reportLines(comparison).join('\n'))}</pre>\n`;
  yield '<p class="quiet"><a href="report.html">every cell with its evidence</a></p>\n';
  const heads = pairNames.map((pair) => `<th scope="col">${escapeText(pair)}</th>`).join('');
  yield `<h2>Cells and pairs</h2>\n<div class="scroll"><table class="matrix"><thead><tr><th></th>${heads}<th scope="col">what the patch does</th></tr></thead>\n<tbody>`;
  for (const row of rows) yield renderRow(row);
  yield '</tbody></table></div>\n</body></html>\n';
}

function renderRow(row: ComparedRow): string {
  const fields = pairNames.map((pair) => renderField(row.tallies[pair])).join('');
  return `<tr><th scope="row">${escapeText(printableLine(row.name))}</th>${fields}<td class="empty">${escapeText(effectOf(row))}</td></tr>\n`;
}

function renderField(tally: Tally | undefined): string {
  const state = stateOf(tally);
  if (!tally || state === 'unknown') return '<td class="empty">–</td>';
  const tries = tally.bad + tally.good;
  const times = state === 'flaky' ? `fails ${tally.bad} of ${tries}` : tries > 1 ? `${tries} runs` : '';
  return `<td class="${tones[state]}"><b>${state}</b>${times === '' ? '' : `<small>${times}</small>`}</td>`;
}

function effectOf({ judgement }: ComparedRow): string {
  const { fixes, breaks, stays, otherwise, flaky, presence, broken } = judgement;
  const effects = [
    ...(breaks.length > 0 ? ['breaks'] : []),
    ...(fixes.length > 0 ? ['fixes'] : []),
    ...(stays.length > 0 && fixes.length === 0
      ? [`stays failing${otherwise.length > 0 ? ' in another way' : ''}`]
      : []),
    ...(flaky.length > 0 ? ['flaky'] : []),
    ...(presence === undefined ? [] : [presence]),
    ...(broken === undefined ? [] : ['not judged']),
  ];
  return effects.join(', ');
}
