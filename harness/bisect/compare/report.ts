import type { BuildSummary } from '../../record/events.js';
import { countOf, printableLine } from '../../report/words.js';
import type { ComparedStream } from './captures.js';
import type { ComparedRow, Comparison } from './comparison.js';
import { withoutPlace } from '../signature.js';
import { figureWords } from './figure-words.js';
import { patchedPairs, type PairName } from './pairs.js';
import { type Judgement, sideWords, type Tally } from './judgement.js';
import { type StreamChange, streamChangeKinds } from './stream-changes.js';

/** What the report of a comparison is called in the output folder: the text, the same for machines, and drawn. */
export const reportNames = { text: 'compare.txt', json: 'compare.json', page: 'compare.html' };

const longestLine = 400;

/** The report as lines. `most` entries of each kind are told; of what is left out, how many there are. */
export function reportLines(comparison: Comparison, { most = Infinity }: { most?: number } = {}): string[] {
  const { rows, interrupted } = comparison;
  const lines = [...headOf(comparison), ''];
  if (interrupted) lines.push('interrupted: this is what was known by then', '');
  for (const { title, none, of, tell } of chapters) {
    const own = rows.filter(({ judgement }) => of(judgement));
    if (own.length > 0) lines.push(`${title} ${countOf(own.length, 'cell')}:`, ...entries(own.map(tell), most));
    else if (none !== undefined) lines.push(none);
  }
  lines.push(restOf(rows), '');
  if (comparison.streams) lines.push(...streamLines(comparison.streams, most), '');
  if (comparison.measured) lines.push(...figureLines(comparison.measured), '');
  lines.push(...expectedLines(comparison, most), conclusionOf(comparison));
  return lines.map((line) => shortened(printableLine(line)));
}

/** Of a line that lists a hundred pages, the first. */
function shortened(line: string): string {
  return line.length > longestLine ? `${line.slice(0, longestLine)}…` : line;
}

function headOf({ base, patched, rows }: Comparison): string[] {
  const words = ({ name, version, package: text }: BuildSummary): string =>
    `${name} (QEMU ${version}${text === '' ? '' : `, ${text}`})`;
  const same = base.sha256 === patched.sha256 ? ['the two are one binary: nothing can differ but by chance'] : [];
  const count = countOf(rows.length, 'cell');
  return [`base: ${words(base)}`, `patched: ${words(patched)}`, ...same, `${count} on four pairs`];
}

interface Chapter {
  title: string;
  /** What is said where there is nothing to tell; nothing where it is absent. */
  none?: string;
  of: (judgement: Judgement) => boolean;
  tell: (row: ComparedRow) => string;
}

const chapters: readonly Chapter[] = [
  {
    title: 'fixes',
    none: 'fixes nothing',
    of: ({ fixes }) => fixes.length > 0,
    tell: (row) => {
      const { fixes } = row.judgement;
      return `${row.name}: passes ${sideWords(fixes, comparedPairs(row))}${ratesOf(row, fixes)}; it failed: ${row.tallies['base → base']?.reason}`;
    },
  },
  {
    title: 'breaks',
    none: 'breaks nothing',
    of: ({ breaks }) => breaks.length > 0,
    tell: (row) => {
      const { breaks } = row.judgement;
      return `${row.name}: fails ${sideWords(breaks, comparedPairs(row))}${ratesOf(row, breaks)}: ${reasonOf(row, breaks)}`;
    },
  },
  {
    title: 'stays failing,',
    of: ({ stays, fixes }) => stays.length > 0 && fixes.length === 0,
    tell: (row) => {
      const { stays, otherwise } = row.judgement;
      if (otherwise.length === 0) return `${row.name}: in the same way: ${reasonOf(row, stays)}`;
      return `${row.name}: in another way on ${otherwise.join(', ')}: ${reasonOf(row, otherwise)}; on base → base: ${row.tallies['base → base']?.reason}`;
    },
  },
  {
    title: 'flaky,',
    of: ({ flaky }) => flaky.length > 0,
    tell: (row) =>
      `${row.name}: no more than chance${ratesOf(row, row.judgement.flaky)}: ${reasonOf(row, ['base → base', ...row.judgement.flaky])}`,
  },
  {
    title: 'appears,',
    of: ({ presence }) => presence === 'appears',
    tell: (row) => `${row.name}: ${row.tallies['base → base']?.skipped}${aloneWords(row, 'patched → patched')}`,
  },
  {
    title: 'vanishes,',
    of: ({ presence }) => presence === 'vanishes',
    tell: (row) => `${row.name}: ${row.tallies['patched → patched']?.skipped}${aloneWords(row, 'base → base')}`,
  },
  {
    title: 'could not be judged,',
    of: ({ broken }) => broken !== undefined,
    tell: ({ name, judgement }) => `${name}: ${judgement.broken}`,
  },
];

function comparedPairs({ tallies }: ComparedRow): number {
  return patchedPairs.filter((pair) => (tallies[pair]?.bad ?? 0) + (tallies[pair]?.good ?? 0) > 0).length;
}

/** How the cell fares on the one pair on which it can run. */
function aloneWords({ tallies }: ComparedRow, pair: PairName): string {
  const reason = tallies[pair]?.reason ?? '';
  return reason === '' ? '; it passes on the other' : `; it fails on the other: ${reason}`;
}

/** How often it failed, where that is not always or never: "(fails in 3 of 15 runs on base → base, in 14 of 15 on …)". */
function ratesOf({ tallies }: ComparedRow, pairs: readonly PairName[]): string {
  const all = ['base → base' as const, ...pairs];
  if (!all.some((pair) => isMixed(tallies[pair]))) return '';
  const rates = all.map((pair) => {
    const { bad = 0, good = 0 } = tallies[pair] ?? {};
    return `${bad} of ${bad + good} on ${pair}`;
  });
  return ` (fails in ${rates.join(', ')})`;
}

function isMixed(tally: Tally | undefined): boolean {
  return tally !== undefined && tally.bad > 0 && tally.good > 0;
}

function reasonOf({ tallies }: ComparedRow, pairs: readonly PairName[]): string {
  return pairs.map((pair) => tallies[pair]?.reason ?? '').find((reason) => reason !== '') ?? '';
}

function entries(told: readonly string[], most: number): string[] {
  const shown = told.slice(0, most).map((line) => `  ${line}`);
  return told.length > most ? [...shown, `  and ${told.length - most} more, see ${reportNames.text}`] : shown;
}

/** Whatever no chapter tells. */
function restOf(rows: readonly ComparedRow[]): string {
  const rest = rows.filter(({ judgement }) => !chapters.some(({ of }) => of(judgement)));
  const passing = rest.filter(({ tallies }) => Object.values(tallies).some(({ good }) => good > 0));
  const others = rest.length - passing.length;
  const left = others === 0 ? '' : `; ${countOf(others, 'cell')} of which nothing can be said`;
  return `stays passing: ${countOf(passing.length, 'cell')}${left}`;
}

function streamLines(streams: readonly ComparedStream[], most: number): string[] {
  const read = streams.filter(({ note }) => note === undefined);
  const notes = streams.flatMap(({ cell, note }) => (note === undefined ? [] : [`${cell}: ${note}`]));
  const shapeAlone = read.filter(({ values }) => !values).length;
  const about = shapeAlone === 0 ? '' : ` (of ${countOf(shapeAlone, 'cell')} whose guest runs, the shape alone)`;
  const told = streamChangeKinds.flatMap((kind) => changed(read, kind, most));
  const head =
    read.length > 0 && told.length === 0 ? [`streams: unchanged in ${countOf(read.length, 'cell')}${about}`] : [];
  const compared = told.length > 0 ? [`streams: compared in ${countOf(read.length, 'cell')}${about}`] : [];
  const left = notes.length === 0 ? [] : ['streams that were not compared:', ...entries(notes, most)];
  return read.length + notes.length === 0
    ? ['streams: there is none to compare']
    : [...head, ...compared, ...told, ...left];
}

const changeTitles: Record<StreamChange['kind'], string> = {
  shape: 'the shape changes, which the other build may not load,',
  order: 'the load order changes',
  value: 'values change',
};

/** Changes of one kind, wherever the device stands, each with the number of cells that show it; the most common first. */
function changed(streams: readonly ComparedStream[], kind: StreamChange['kind'], most: number): string[] {
  const counts = new Map<string, number>();
  const cells = streams.filter(({ changes }) => changes.some((change) => change.kind === kind));
  for (const { changes } of cells)
    for (const words of new Set(
      changes.flatMap((change) => (change.kind === kind ? [withoutPlace(change.words)] : [])),
    ))
      counts.set(words, (counts.get(words) ?? 0) + 1);
  if (cells.length === 0) return [];
  const told = [...counts]
    .sort(([, one], [, other]) => other - one)
    .map(([words, count]) => `${words} (${countOf(count, 'cell')})`);
  return [`streams: ${changeTitles[kind]} in ${countOf(cells.length, 'cell')}:`, ...entries(told, most)];
}

function figureLines({ note, rounds, seed, figures }: NonNullable<Comparison['measured']>): string[] {
  if (note !== undefined) return [`figures: ${note}`];
  const cells = Math.max(0, ...figures.map((figure) => figure.cells.length));
  const head = `figures: ${countOf(cells, 'cell')}, ${countOf(rounds, 'run')} on either build, in turns (permutation test, seed ${seed})`;
  return [head, ...figures.map((figure) => `  ${figureWords(figure)}`)];
}

function expectedLines({ expected }: Comparison, most: number): string[] {
  if (!expected) return [];
  const { expression, cells, unmet } = expected;
  if (unmet.length === 0)
    return [`--expect-fix ${expression}: ${countOf(cells, 'cell')} went from failing to passing, as expected`];
  const count = `${unmet.length} of ${countOf(cells, 'cell')}`;
  return [
    `--expect-fix ${expression}: ${count} did not go from failing to passing:`,
    ...entries(
      unmet.map(({ cell, why }) => `${cell}: ${why}`),
      most,
    ),
  ];
}

const conclusions: Record<StreamChange['kind'], string> = {
  shape: ', stream of another shape',
  order: ', stream in another order',
  value: ', stream with other values',
};

/** The whole in one sentence: "the patch fixes 4 cells, breaks nothing, stream unchanged". */
function conclusionOf({ rows, streams, interrupted }: Comparison): string {
  const count = (list: 'fixes' | 'breaks'): string => {
    const cells = rows.filter(({ judgement }) => judgement[list].length > 0).length;
    return cells === 0 ? 'nothing' : countOf(cells, 'cell');
  };
  const unjudged = rows.filter(({ judgement }) => judgement.broken !== undefined).length;
  const compared = streams?.filter(({ note }) => note === undefined) ?? [];
  const changes = compared.flatMap((stream) => stream.changes);
  const kinds = new Set(changes.map(({ kind }) => kind));
  const stream = streamChangeKinds.find((kind) => kinds.has(kind));
  return [
    `the patch fixes ${count('fixes')}, breaks ${count('breaks')}`,
    compared.length === 0 ? '' : stream === undefined ? ', stream unchanged' : conclusions[stream],
    unjudged === 0 ? '' : `; ${countOf(unjudged, 'cell')} could not be judged`,
    interrupted ? ', as far as it was looked at' : '',
  ].join('');
}
