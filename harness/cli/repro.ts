import { Command } from 'commander';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { resolveBuilds } from '../build/resolve.js';
import { UsageError } from '../core/errors.js';
import { Machine } from '../machine/machine.js';
import { splitWords } from '../machine/words.js';
import { SweptFolder } from '../machine/private-folder.js';
import type { PlannedCell } from '../record/events.js';
import { buildsIn } from '../record/route.js';
import { acceleratorFor } from '../run/accelerator.js';
import { prepareOutput } from '../run/output-folder.js';
import { planCells } from '../run/plan.js';
import { findScenarioFiles, loadScenarios } from '../scenario/load.js';
import { runCell } from '../scenario/run-cell.js';
import { compileFor, type CompileWords, withCompileOptions } from './options/compile-options.js';
import {
  fetchGuests,
  linuxGuestsOf,
  guestSettings,
  type GuestWords,
  withGuestOptions,
} from './options/guest-options.js';
import { interruptible } from './interrupt.js';
import { catalogue } from './options/cell-options.js';

interface ReproWords extends GuestWords, CompileWords {
  scenarios: string[];
  output: string;
}

/** `godwit repro`: runs one cell and leaves scripts that do the same without Godwit. */
export function reproCommand(): Command {
  const command = new Command('repro')
    .description('run one cell once, and write scripts that reproduce it without Godwit')
    .argument('<cell>', 'the id of a cell, as reports print it')
    .option('--scenarios <path...>', 'scenario files or folders', [catalogue])
    .option('--output <dir>', 'folder for the scripts and the logs', 'godwit-repro')
    .action((id: string, words: ReproWords) =>
      interruptible((signal) => {
        signal.addEventListener('abort', () => Machine.killAll());
        return repro(id, words, signal);
      }),
    );
  return withCompileOptions(withGuestOptions(command));
}

async function repro(id: string, words: ReproWords, signal: AbortSignal): Promise<void> {
  const inBrackets = /\[([^[\]]+)\]$/.exec(id)?.[1];
  if (inBrackets === undefined)
    throw new UsageError(`'${id}' is no id of a cell; one looks like: scenario [build → build, machine type]`);
  const [path = '', machineType = '', ...more] = inBrackets.split(', ');
  // Words that were added to the command lines: an option's value does not begin with a dash.
  const added = splitWords(more.filter((term) => term.startsWith('-')).join(' '));
  const names = buildsIn(path);
  const scenarios = await loadScenarios(findScenarioFiles(words.scenarios));
  const named = scenarios.filter(({ title }) => id.startsWith(`${title} [`));
  const builds = await resolveBuilds(names, { signal, compile: compileFor(named, words) });
  const cells = planCells(scenarios, {
    sources: builds,
    destinations: builds,
    pairs: 'all',
    machines: [machineType],
    added,
  });
  const cell = cells.find((planned) => planned.id === id);
  if (!cell) throw new UsageError(`no scenario makes the cell '${id}'; \`godwit run --plan\` lists cells`);
  prepareOutput(words.output);
  forgetEarlier(words.output);
  signal.throwIfAborted();
  // Swept when even this process is killed.
  using folder = SweptFolder.create();
  const route = cell.route.flatMap((name) => builds.filter((build) => build.name === name));
  const scenario = scenarioOf(cell, scenarios);
  const accel = acceleratorFor(route, 'auto');
  const logFolder = words.output;
  const guests = guestSettings(words);
  await fetchGuests(linuxGuestsOf({ cells: [cell], builds: route, scenarios: [scenario] }), guests, signal);
  const result = await runCell({
    ...{ scenario, route, accel, guests, logFolder },
    machineType,
    options: cell.options,
    ...(cell.variation && { variation: cell.variation }),
    temporaryFolder: folder.path,
    knownIssues: true,
  });
  const reason = result.reason === '' ? '' : `: ${result.reason}`;
  process.stdout.write(
    `${result.verdict}${reason}\n${join(words.output, 'reproduce.sh')} does the same without Godwit\n`,
  );
}

/** Logs are added to: those of another cell, or of an earlier try, must not be among them. */
function forgetEarlier(folder: string): void {
  const ours = /^(source|destination|hop-\d+|reproduce)\.(sh|stderr|qmp-transcript)$/;
  for (const file of readdirSync(folder)) if (ours.test(file)) rmSync(join(folder, file));
}

function scenarioOf<T extends { title: string }>(cell: PlannedCell, scenarios: readonly T[]): T {
  const found = scenarios.find(({ title }) => title === cell.scenario);
  if (!found) throw new UsageError(`there is no scenario '${cell.scenario}'`);
  return found;
}
