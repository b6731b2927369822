import { pageStyle } from '../../report/html-page.js';
import { escapeText } from '../../report/markup.js';
import { printableLine } from '../../report/words.js';
import type { Answer } from '../inquiry.js';
import type { SearchReport, ToldPlace } from './report.js';
import { reportText } from './report-text.js';

/** The verdict in whose colour an answer is. */
const tones: Record<Answer, string> = { good: 'passed', bad: 'failed', skip: 'skipped' };

/** Like the style of all pages it holds neither `<` nor `&`. */
const style = `
.line { display: flex; flex-wrap: wrap; align-items: stretch; gap: .4rem; margin: 1rem 0; padding: 0; list-style: none; }
.line .asked { flex: 0 1 11rem; padding: .4rem .7rem; background: var(--card); border: 1px solid var(--line);
  border-top: 4px solid var(--tone); overflow-wrap: anywhere; }
.line .asked b { color: var(--tone); } .line .asked small { display: block; color: var(--quiet); }
.line .first { outline: 2px solid var(--tone); }
.line .unasked { align-self: center; color: var(--quiet); font-size: .87em; }
`;

/** A search as a page that needs nothing from outside: the history with its answers as a line, then the report. Well-formed XML too. */
export function* renderSearch(report: SearchReport): Generator<string, void, undefined> {
  const { first, places, change } = report;
  const what = change === 'break' ? 'fails' : 'passes';
  const title = first ? `Godwit: ${first.title} is the first that ${what}` : `Godwit: the first that ${what}`;
  yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>';
  yield '<meta name="viewport" content="width=device-width, initial-scale=1"/><meta name="color-scheme" content="light dark"/>';
  yield `<title>${escapeText(printableLine(title))}</title><style>${pageStyle}${style}</style></head>\n<body>\n`;
  yield `<h1>${escapeText(printableLine(title))}</h1>\n<p class="quiet">Oldest first; numbers tell in which order they were asked.</p>\n`;
  yield '<ol class="line">\n';
  for (const place of places) yield renderPlace(place, place.name === first?.name);
  yield `</ol>\n<pre>${escapeText(reportText(report))}</pre>\n`;
  yield '<p class="quiet"><a href="report.html">every cell with its evidence</a></p>\n</body></html>\n';
}

function renderPlace({ title, answer = 'skip', step, unasked }: ToldPlace, isFirst: boolean): string {
  const gap = unasked === 0 ? '' : `<li class="unasked">… ${unasked} not asked …</li>\n`;
  const mark = isFirst ? ' first' : '';
  return `${gap}<li class="asked ${tones[answer]}${mark}"><b>${answer}</b> ${escapeText(printableLine(title))}<small>step ${step}</small></li>\n`;
}
