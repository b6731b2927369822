import type { MarkedLine } from '../diagnosis/log-lines.js';
import type { Finding } from '../record/outcome.js';
import type { Paint } from './paint.js';
import { printableLine } from './words.js';

/** A pasted log, explained. */
export interface ExplainedLog {
  /** The most telling first. */
  findings: Finding[];
  lines: MarkedLine[];
  /** What had to be assumed, or is needed to say more; one sentence each. */
  notes: string[];
}

const labelWidth = 12;
const markWidth = 11;

/** The story first, then the path, then the lines with a mark each; as lines of at most `columns`, but for lines of the log and of command lines. */
export function renderExplainedLog(
  explained: ExplainedLog,
  { columns, paint }: { columns: number; paint: Paint },
): string[] {
  const { findings, notes, lines } = explained;
  const told = findings.filter(({ kind }) => kind !== 'undiagnosed');
  const head = told.length === 0 ? ['nothing in this text is a message that Godwit knows'] : [];
  const story = told.flatMap((finding, index) => {
    const [first = '', ...rest] = wrap(`${finding.summary}${countWords(finding.times)}`, columns);
    const title = index === 0 ? [paint.bold(first), ...rest.map((line) => paint.bold(line))] : [first, ...rest];
    return [...title, ...detailsOf(finding, columns), ''];
  });
  return [
    ...head,
    ...story,
    ...notes.flatMap((note) => labelled('note', note, columns)),
    ...(notes.length > 0 || head.length > 0 ? [''] : []),
    ...lines.flatMap(({ mark, text, times }) =>
      `${text}${countWords(times)}`
        .split('\n')
        .map((line) => `${mark.padEnd(markWidth)} | ${printableLine(line)}`)
        .map((line) => (mark === 'diagnosed' ? line : paint.dim(line))),
    ),
  ];
}

function detailsOf(finding: Finding, columns: number): string[] {
  const { fields, commandLine, why, known, path } = finding;
  const details: [label: string, text: string | undefined][] = [
    ['-device', commandLine],
    ['register', registerWords(finding)],
    ['source', valueWords(fields['read'])],
    ['destination', valueWords(fields['device'])],
    ['why', why],
    ['known', known && `${known.words} (${known.source})`],
    ['path', path?.join(' → ')],
  ];
  return details.flatMap(([label, text]) => {
    if (text === undefined) return [];
    // A command line must stay one piece to be pasted.
    return labelled(label, text, label === '-device' ? Infinity : columns);
  });
}

function countWords(times = 1): string {
  return times === 1 ? '' : ` [${times} times]`;
}

function registerWords({ fields }: Finding): string | undefined {
  const { register, bits, capability, offset } = fields;
  if (register === undefined) return undefined;
  return [
    String(register),
    ...(typeof offset === 'number' ? [`byte 0x${offset.toString(16)}`] : []),
    ...(capability === undefined ? [] : [`in ${capability}`]),
    ...(bits === undefined ? [] : [`bits: ${bits}`]),
  ].join(', ');
}

function valueWords(value: string | number | undefined): string | undefined {
  return typeof value === 'number' ? `0x${value.toString(16).padStart(2, '0')}` : undefined;
}

function labelled(label: string, text: string, columns: number): string[] {
  const [first = '', ...rest] = wrap(text, columns - labelWidth - 2);
  return [`  ${label.padEnd(labelWidth)}${first}`, ...rest.map((line) => ' '.repeat(labelWidth + 2) + line)];
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of printableLine(text).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
