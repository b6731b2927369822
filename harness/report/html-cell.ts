import { hex } from '../core/hex.js';
import type { CellResult, GuestSummary, Phase } from '../record/events.js';
import type { OutcomeRecord, SideOutcome } from '../record/outcome.js';
import type { CellSummary } from '../record/summary.js';
import { evidenceOf, storyOf } from './explanation.js';
import { attribute, attributes, escapeText } from './markup.js';
import { countOf, durationWords, printable } from './words.js';

const mostRawLines = 200;

/** Phases in the order in which a cell goes through them. */
export const phases: readonly Phase[] = ['spawn', 'greeting', 'guest', 'migration', 'judging', 'end'];

/** Where a cell stands on the page: its number for links, and its row and column in the matrix for filtering. */
export interface CellPlace {
  number: number;
  row: number;
  column: number;
}

/** One cell of the list, folded: verdict, id and time outside, everything else inside. */
export function renderCell(summary: CellSummary, place: CellPlace): string {
  const { cell, verdict } = summary;
  const head = attributes({
    class: `cell ${verdict}`,
    id: `c${place.number}`,
    'data-verdict': verdict,
    'data-row': place.row,
    'data-column': place.column,
  });
  const time = summary.attempts > 0 ? durationWords(summary.durationMs) : '';
  return (
    `<details${head}><summary><span class="tag ${verdict}">${verdict}</span> ` +
    `<span class="id">${escapeText(cell.id)}</span> <time>${time}</time></summary>` +
    `<div class="body">${renderBody(summary)}</div></details>\n`
  );
}

function renderBody(summary: CellSummary): string {
  const { reason, result } = summary;
  const quiet = `<p class="quiet">${escapeText(factsOf(summary).join(' · '))}</p>`;
  if (!result) return `<p>${escapeText(reason)}</p>${quiet}`;
  const issue =
    result.knownIssue === undefined ? '' : `<p class="issue">known issue <b>${escapeText(result.knownIssue)}</b></p>`;
  const link = 'command lines, logs and transcripts';
  return [
    issue,
    (result.remarks ?? []).map((remark) => `<p>remark: ${escapeText(remark)}</p>`).join(''),
    renderEvidence(summary, result),
    result.outcomes.map(renderDifferences).join(''),
    renderOutcomes(result.outcomes),
    renderPhases(result.phasesMs),
    result.folder === undefined ? '' : `<p><a${attribute('href', hrefOf(result.folder))}>${link}</a></p>`,
    quiet,
  ].join('');
}

function factsOf({ cell, attempts, result }: CellSummary): string[] {
  const facts: string[] = [];
  if (cell.file !== '') facts.push(`file ${cell.file}`);
  if (attempts > 1) facts.push(countOf(attempts, 'attempt'));
  if (result && result.accel !== '') facts.push(`accelerator ${result.accel}`);
  if (result?.guest) facts.push(guestWords(result.guest));
  if (result && result.rssBytes > 0) facts.push(`worker at most ${Math.round(result.rssBytes / 1e6)} MB`);
  return facts;
}

function renderEvidence({ verdict, reason }: CellSummary, result: CellResult): string {
  const evidence = evidenceOf(result);
  const { raw } = evidence;
  const why = storyOf(evidence, reason);
  const sentences = why.map((said, index) => `<p${index === 0 ? ' class="why"' : ''}>${escapeText(said)}</p>`).join('');
  if (verdict === 'passed' || raw.length === 0) return sentences;
  const more = raw.length > mostRawLines ? [`… and ${countOf(raw.length - mostRawLines, 'more line')}`] : [];
  return `${sentences}<pre>${escapeText([...raw.slice(0, mostRawLines), ...more].join('\n'))}</pre>`;
}

function renderDifferences({ differences }: OutcomeRecord): string {
  if (differences.length === 0) return '';
  const rows = differences.map((difference) => {
    const where = difference.address === '' ? difference.device : `${difference.device} (${difference.address})`;
    const register = `${difference.register}${difference.bits.length > 0 ? `: ${difference.bits.join(', ')}` : ''}`;
    const values = [hex(difference.offset), ...[difference.source, difference.destination].map(valueWords)];
    return `<tr>${[where, register, ...values].map((text) => `<td>${escapeText(text)}</td>`).join('')}</tr>`;
  });
  const head = '<tr><th>device</th><th>register</th><th>offset</th><th>source</th><th>destination</th></tr>';
  return `<table class="data">${head}${rows.join('')}</table>`;
}

function valueWords(value: number | string): string {
  return typeof value === 'number' ? hex(value) : value;
}

function renderOutcomes(outcomes: readonly OutcomeRecord[]): string {
  if (outcomes.length === 0) return '';
  const rows = outcomes.map((outcome) => {
    const columns = [
      `${outcome.from} → ${outcome.to}`,
      outcome.class,
      sideWords(outcome.source),
      sideWords(outcome.destination),
      outcome.totalMs === undefined ? '' : durationWords(outcome.totalMs),
      downtimeWords(outcome),
      outcome.transferredBytes === undefined ? '' : outcome.transferredBytes.toLocaleString('en'),
    ];
    return `<tr>${columns.map((text) => `<td>${escapeText(text)}</td>`).join('')}</tr>`;
  });
  const heads = ['migration', 'came to', 'source', 'destination', 'time', 'downtime', 'bytes'];
  return `<table class="data"><tr>${heads.map((head) => `<th>${head}</th>`).join('')}</tr>${rows.join('')}</table>`;
}

function guestWords({ kind, start, system = kind }: GuestSummary): string {
  return start === 'warm' ? `${system} from a saved state` : `${system} booted anew`;
}

/** QEMU's figure, what somebody saw who listened to the guest, and what does not count because it was us. */
function downtimeWords({ downtimeMs, guestDowntimeMs, heldMs }: OutcomeRecord): string {
  const told = (ms: number | undefined, what: string): string[] =>
    ms === undefined ? [] : [`${what}${durationWords(ms)}`];
  return [...told(downtimeMs, ''), ...told(guestDowntimeMs, 'seen of the guest '), ...told(heldMs, 'held ')].join(', ');
}

function sideWords({ migrationStatus, runState, exitCode, signal }: SideOutcome): string {
  const end = signal === undefined ? exitCode !== undefined && `exit ${exitCode}` : `ended by ${signal}`;
  return [migrationStatus, runState, end].filter((word) => typeof word === 'string').join(', ');
}

/** A bar with one piece for each phase, as wide as its share of the time; '' when no time was recorded. */
export function renderPhases(phasesMs: Partial<Record<Phase, number>>): string {
  const known = phases.map((phase) => ({ phase, ms: Math.max(0, phasesMs[phase] ?? 0) })).filter(({ ms }) => ms > 0);
  const total = known.reduce((sum, { ms }) => sum + ms, 0);
  if (total === 0) return '';
  const pieces = known.map(({ phase, ms }) => {
    const words = `${phase} ${durationWords(ms)}`;
    return `<i class="${phase}" style="width:${((100 * ms) / total).toFixed(2)}%" title="${words}"></i>`;
  });
  const words = known.map(({ phase, ms }) => `<span><i class="${phase}"></i>${phase} ${durationWords(ms)}</span>`);
  return `<div class="phases"><div class="bar">${pieces.join('')}</div><div class="legend">${words.join(' ')}</div></div>`;
}

function hrefOf(folder: string): string {
  const parts = printable(folder).split('/').map(encodeURIComponent);
  return `./${parts.join('/')}/`;
}
