import { countOf, durationWords } from '../../report/words.js';
import { quoteWord } from '../../machine/words.js';
import type { CandidateProperty, MachineTypes } from './candidates.js';
import { pieceName, wordsSetting } from './property-piece.js';
import type { PropertyFindings } from './search.js';
import { certaintyWords } from '../repeat.js';
import { originWords } from './told.js';

/** What a report needs besides what was found. */
export interface PropertyReportContext {
  types: MachineTypes;
  durationMs: number;
  /** The words of `godwit run` that select the cells on the failing machine type, without those that set properties. */
  runWords: readonly string[];
}

/** The report of a search over compat properties, for a person. */
export function propertyReport(findings: PropertyFindings, context: PropertyReportContext): string {
  const { found, answer, reason, cells, separation, asked, certainty } = findings;
  const { types, durationMs, runWords } = context;
  const words = found.flatMap((piece) => wordsSetting(piece, piece.good));
  const check = ['godwit', 'run', ...runWords, '--no-known'].map(quoteWord).join(' ');
  return [
    `${answer}.`,
    '',
    ...found.flatMap((piece) => propertyLines(piece, types)),
    ...(found.length > 0 ? [''] : []),
    `${types.bad} fails: ${reason}`,
    ...reverseLines(findings, types),
    ...(certainty.rate < 1 || certainty.told ? [certaintyWords(certainty)] : []),
    ...(cells.length > 1
      ? [`${countOf(cells.length, 'cell')} decided: all that fail on ${types.bad} and pass on ${types.good}.`]
      : []),
    `${countOf(asked, 'cell')} in ${durationWords(durationMs)}; ${propertiesWords(separation.settable.length)} can be set:`,
    ...separation.settable.map((piece) => `  ${pieceName(piece)}: ${valuesWords(piece, types)}`),
    ...(separation.refused.length > 0 ? ['These differ too, and cannot be set:'] : []),
    ...separation.refused.map((piece) => `  ${pieceName(piece)}: ${valuesWords(piece, types)}`),
    ...(found.length > 0
      ? ['', 'To see it fail, and pass:', `  ${check}`, `  ${check} --add ${quoteWord(words.map(quoteWord).join(' '))}`]
      : []),
    '',
  ].join('\n');
}

function propertyLines(piece: CandidateProperty, types: MachineTypes): string[] {
  const origin = piece.told ? [`    ${originWords(piece.told, types)}`] : [];
  return [`  ${pieceName(piece)}: ${valuesWords(piece, types)}`, ...origin];
}

function valuesWords({ bad, good }: CandidateProperty, types: MachineTypes): string {
  return `${bad ?? 'a value that nobody tells'} in ${types.bad}, ${good === '' ? "''" : good} in ${types.good}`;
}

function propertiesWords(count: number): string {
  return count === 1 ? '1 property that differs' : `${count} properties that differ`;
}

function reverseLines({ found, reverse }: PropertyFindings, types: MachineTypes): string[] {
  if (found.length === 0) return [];
  const these = found.length === 1 ? 'this one' : 'these';
  if (!reverse) return [`${types.good} was not asked with the values of ${types.bad}: nobody tells them.`];
  if (reverse.sameWay) return [`${types.good} with ${these} as in ${types.bad} fails in the same way.`];
  const how = reverse.reason === '' ? 'passes' : `does otherwise: ${reverse.reason}`;
  return [`${types.good} with ${these} as in ${types.bad} does not fail in the same way; it ${how}`];
}

/** The same as data, for a program. */
export function propertyData(findings: PropertyFindings, { types, durationMs }: PropertyReportContext): object {
  const { found, answer, separation, cells, reason, signature, reverse, asked, certainty } = findings;
  const told = (piece: CandidateProperty): object => ({
    ...{ of: piece.of, driver: piece.driver, property: piece.property, bad: piece.bad, good: piece.good },
    ...(piece.told && { origin: originWords(piece.told, types) }),
  });
  return {
    ...{ search: 'properties', types, answer, found: found.map(told) },
    words: found.flatMap((piece) => wordsSetting(piece, piece.good)),
    ...{ reason, signature, reverse, cells: cells.map(({ bad, good }) => ({ bad: bad.id, good: good.id })) },
    ...{ settable: separation.settable.map(told), refused: separation.refused.map(told), certainty, asked, durationMs },
  };
}
