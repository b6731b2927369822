import { type Command, InvalidArgumentError, Option } from 'commander';
import { join } from 'node:path';
import type { Build } from '../../build/build.js';
import { packageRoot } from '../../core/package-root.js';
import type { PlannedCell } from '../../record/events.js';
import { acceleratorFor, accelerators } from '../../run/accelerator.js';
import { jobsOf } from '../../run/jobs.js';
import type { SessionOptions } from '../../run/session.js';
import type { Scenario } from '../../scenario/definition.js';
import { findScenarioFiles, loadScenarios } from '../../scenario/load.js';
import { parseExpression } from './expression.js';
import {
  fetchGuests,
  guestSettings,
  type GuestWords,
  linuxGuestsOf,
  type Prepared,
  withGuestOptions,
} from './guest-options.js';
import { skippedFor } from './skipped-cells.js';

/** Where the scenarios are that come with Godwit: compiled with it, so that no worker has to. */
export const catalogue = join(packageRoot, 'dist', 'tests', 'migration');

/** What `withCellOptions` adds to the words of a command. */
export interface CellWords extends GuestWords {
  machine?: string[];
  grep?: RegExp;
  accel: string;
  jobs: string;
  output: string;
}

/** Adds the options of every command that runs cells: which of them, and how. */
export function withCellOptions(command: Command, output: string): Command {
  command
    .option('--machine <glob...>', 'only these machine types')
    .option('--grep <re>', 'only cells whose id matches', (text: string) => parseExpression('--grep', text))
    .addOption(new Option('--accel <name>', 'accelerator').choices([...accelerators]).default('auto'))
    .option('--jobs <n>', 'cells at once, or auto', 'auto')
    .option('--output <dir>', 'folder for the record, the reports and the logs', output);
  return withGuestOptions(command);
}

/** The scenarios of the files and folders named, of the catalogue where none is. Throws UsageError for what cannot be loaded. */
export async function scenariosOf(paths: readonly string[]): Promise<{ files: string[]; scenarios: Scenario[] }> {
  const files = findScenarioFiles(paths.length > 0 ? paths : [catalogue]);
  return { files, scenarios: await loadScenarios(files) };
}

/** How the cells of a command are run, from its words. Throws UsageError for a wrong one. */
export function sessionWords(
  words: Pick<CellWords, keyof GuestWords | 'accel' | 'jobs' | 'output'>,
): Pick<SessionOptions, 'accel' | 'jobs' | 'output' | 'guests' | 'argv'> {
  const { accel, output } = words;
  return { accel, output, jobs: jobsOf(words.jobs), guests: guestSettings(words), argv: process.argv.slice(2) };
}

/** Sees to it that cells can run: the accelerator on these builds, and what Linux guests are made of. Throws UsageError and BuildError. */
export async function prepareCells(
  prepared: Prepared,
  { accel, guests, signal }: Pick<SessionOptions, 'accel' | 'guests' | 'signal'>,
): Promise<void> {
  checkAccelerator(prepared.cells, prepared.builds, accel);
  await fetchGuests(linuxGuestsOf(prepared), guests, signal);
}

/**
 * The cells, of which those are skipped on whose builds a named accelerator does not run: guests of several architectures are in one run, and
 * KVM is for those of the host's. Throws UsageError where it runs on none.
 */
export function cellsUnder(
  accel: string,
  { cells, builds }: { cells: readonly PlannedCell[]; builds: readonly Build[] },
): PlannedCell[] {
  const lacks = new Set(
    builds.filter(({ probe }) => accel !== 'auto' && !probe.accelerators.includes(accel)).map(({ name }) => name),
  );
  const judged = skippedFor(cells, ({ route }) => {
    const lacking = route.find((name) => lacks.has(name));
    return lacking === undefined ? undefined : `no guest runs under ${accel} here with ${lacking}`;
  });
  if (judged.every(({ skip }) => skip !== undefined)) checkAccelerator(cells, builds, accel);
  return judged;
}

/** Throws UsageError when a named accelerator does not run on a build that a cell needs. */
function checkAccelerator(cells: readonly PlannedCell[], builds: readonly Build[], accel: string): void {
  const used = new Set(cells.flatMap(({ route, skip }) => (skip === undefined ? route : [])));
  acceleratorFor(
    builds.filter(({ name }) => used.has(name)),
    accel,
  );
}

/** Reads a whole number from 0 on. */
export function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('accepted: a whole number from 0 on');
  return Number(text);
}
