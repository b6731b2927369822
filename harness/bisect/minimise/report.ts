import { quoteWord } from '../../machine/words.js';
import { countOf, durationWords } from '../../report/words.js';
import type { GuestAction } from '../../record/events.js';
import { certaintyWords } from '../repeat.js';
import type { Checked } from './check.js';
import { literal } from './literal.js';
import type { Amounts, Minimal } from './minimise.js';
import { optionsOf } from './options.js';

/** What a report needs besides the smallest cell. */
export interface MinimalReportContext {
  checked: Checked;
  durationMs: number;
  /** Paths of what was written, as a user would name them. */
  scenarioFile: string;
  script: string;
}

/** The report of a search for the smallest cell, for a person. */
export function minimalReport(minimal: Minimal, context: MinimalReportContext): string {
  const { cell, after, before, words, destinationWords, actions, result, signature, asked, certainty } = minimal;
  const { checked, durationMs, scenarioFile, script } = context;
  return [
    `${cell.id} still fails in the same way with ${amountsWords(after)}.`,
    '',
    result.reason,
    `The way: ${signature}`,
    '',
    ...(destinationWords ? ['On the source:'] : []),
    ...optionLines(words),
    ...(destinationWords ? ['On the destination:', ...optionLines(destinationWords)] : []),
    ...vfioLine(minimal),
    ...(minimal.usualMemory ? ['  no more memory than such a guest usually has'] : []),
    ...(actions.length > 0 ? ['What is asked for, in order:'] : []),
    ...actions.map((action) => `  ${actionWords(action)}`),
    '',
    `Left out: ${amountsWords(differenceOf(before, after))}. ${countOf(asked, 'cell')} in ${durationWords(durationMs)}.`,
    ...(certainty.rate < 1 || certainty.told ? [certaintyWords(certainty)] : []),
    checked.sameWay
      ? `${scenarioFile} is a scenario of it, and fails in the same way.`
      : `${scenarioFile} holds what was asked for, in order, and does not fail in the same way (${checked.otherwise}): the body of '${cell.scenario}' in ${cell.file} does more than that.`,
    `${script} does the same without Godwit.`,
    '',
  ].join('\n');
}

/** The same as data, for a program. */
export function minimalData(
  minimal: Minimal,
  { checked, durationMs, scenarioFile, script }: MinimalReportContext,
): object {
  const { cell, before, after, words, destinationWords, actions, result, signature, asked, usualMemory, certainty } =
    minimal;
  return {
    ...{ search: 'minimise', cell: cell.id, signature, reason: result.reason, before, after },
    ...{ words, ...(destinationWords && { destinationWords }), usualMemory, actions },
    ...{ scenarioFile, script, checked, certainty, asked, durationMs },
  };
}

function optionLines(words: readonly string[]): string[] {
  const options = optionsOf(words);
  if (options.length === 0) return ['  nothing but the machine itself'];
  return options.map(({ option, value }) => `  ${value === undefined ? option : `${option} ${quoteWord(value)}`}`);
}

/** The device that each side has in its own way is never made smaller. */
function vfioLine({ scenario, shape }: Minimal): string[] {
  const sides = scenario.vfio?.(shape);
  return sides ? [`  vfio of the scenario: ${literal(sides)}`] : [];
}

function actionWords({ on, method, args, gives }: GuestAction): string {
  const call = `${on === '' ? '' : `${on}.`}${method}(${args.map(literal).join(', ')})`;
  return gives === undefined ? call : `${gives} = ${call}`;
}

/** "2 devices, no other options, 7 properties, 3 actions" */
function amountsWords({ devices, others, properties, actions }: Amounts): string {
  const words: [number, string, string][] = [
    [devices, 'device', 'devices'],
    [others, 'other option', 'other options'],
    [properties, 'property', 'properties'],
    [actions, 'action', 'actions'],
  ];
  return words.map(([count, one, many]) => `${count === 0 ? 'no' : count} ${count === 1 ? one : many}`).join(', ');
}

function differenceOf(before: Amounts, after: Amounts): Amounts {
  return {
    devices: before.devices - after.devices,
    others: before.others - after.others,
    properties: before.properties - after.properties,
    actions: before.actions - after.actions,
  };
}
