import { countOf, durationWords, printableLine } from '../../report/words.js';
import { certaintyWords } from '../repeat.js';
import type { SearchReport, Told, ToldStep } from './report.js';

/** A search as a person reads it, ending with a line feed. */
export function reportText(report: SearchReport): string {
  const paragraphs = [headOf(report), evidenceOf(report), stepsOf(report), endOf(report)];
  return `${paragraphs
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map(printableLine).join('\n'))
    .join('\n\n')}\n`;
}

function headOf({ change, first, before, possible }: SearchReport): string[] {
  const verb = change === 'break' ? 'fails' : 'passes';
  const lines = first
    ? [`${first.title} is the first that ${verb}.`, ...factsOf(first)]
    : [
        `The first that ${verb} is one of ${possible.length}, of which all but the last cannot be judged:`,
        ...possible.map(({ title, reason = '' }) => `  ${title}${reason === '' ? '' : `: ${reason}`}`),
      ];
  const neighbours = first ? [...before, first] : before;
  return [...lines, ...neighbours.map((told) => `  ${told === first ? 'it' : 'before it'}: ${verdictOf(told)}`)];
}

function factsOf({ commit, build }: Told): string[] {
  return [
    ...(commit ? [`  commit ${commit.commit} of ${commit.date}, by ${commit.author}: ${commit.subject}`] : []),
    ...(build
      ? [`  QEMU ${`${build.version} ${build.package}`.trimEnd()}, SHA-256 ${build.sha256.slice(0, 16)}…`]
      : []),
  ];
}

function verdictOf({ title, answer, reason = '' }: Told): string {
  if (answer === undefined) return `${title} was not asked itself`;
  return `${title} is ${answer === 'skip' ? 'not to be judged' : answer}${reason === '' ? '' : `: ${reason}`}`;
}

function evidenceOf({ evidence }: SearchReport): string[] {
  if (!evidence) return [];
  const { cell, reason, finding, line, folder } = evidence;
  return [
    `Evidence: ${cell}`,
    ...(finding === undefined ? [`  ${reason}`] : [`  ${finding}`]),
    ...(line === undefined ? [] : [`  ${line}`]),
    ...(folder === undefined ? [] : [`  ${folder}`]),
  ];
}

function stepsOf({ steps }: SearchReport): string[] {
  return ['Steps:', ...steps.flatMap((step, index) => stepLines(step, index + 1))];
}

function stepLines(
  { title, answer, reason, played, failed, remembered, durationMs, log }: ToldStep,
  number: number,
): string[] {
  const often = played > 1 ? `, ${failed} of ${played} rounds failed` : '';
  const before = remembered > 0 ? `, ${remembered === played ? '' : `${remembered} of them `}known from before` : '';
  return [
    `  ${String(number).padStart(2)}  ${answer.padEnd(4)}  ${title} (${durationWords(durationMs)}${often}${before})`,
    ...(reason === '' ? [] : [`            ${reason}`]),
    ...(log === undefined ? [] : [`            ${log}`]),
  ];
}

function endOf({ certainty, cellsPlayed, durationMs, rounds, check, gitLog }: SearchReport): string[] {
  const before = rounds.remembered > 0 ? `; ${countOf(rounds.remembered, 'answer')} known from before` : '';
  return [
    certaintyWords(certainty),
    `${countOf(cellsPlayed, 'cell')} played in ${durationWords(durationMs)}${before}.`,
    ...(gitLog === undefined ? [] : [`Replay it: git bisect replay ${gitLog}`]),
    `Check it: ${check}`,
  ];
}
