import { Command, InvalidArgumentError, Option } from 'commander';
import { join } from 'node:path';
import { defaultBuilds, resolveBuilds } from '../build/resolve.js';
import type { Build } from '../build/build.js';
import { packageRoot } from '../core/package-root.js';
import { createReporters, defaultReporters, reporterNames } from '../report/reporters.js';
import { accelerators, acceleratorFor } from '../run/accelerator.js';
import { jobsOf } from '../run/jobs.js';
import { planCells } from '../run/plan.js';
import { pairSelections, parsePairs } from '../run/routes.js';
import { run } from '../run/run.js';
import { parseShard } from '../run/shard.js';
import { usualBuilds } from '../run/usual.js';
import { findScenarioFiles, loadScenarios } from '../scenario/load.js';
import { fetchGuests, guestSettings, type GuestWords, withGuestOptions } from './guest-options.js';
import { parseExpression } from './expression.js';
import { interruptible } from './interrupt.js';

/** Where the scenarios are that come with Godwit: compiled with it, so that no worker has to. */
export const catalogue = join(packageRoot, 'dist', 'tests', 'migration');

interface RunWords extends GuestWords {
  source?: string[];
  destination?: string[];
  pairs: string;
  machine?: string[];
  grep?: RegExp;
  accel: string;
  jobs: string;
  shard?: string;
  retries: number;
  reporter: string[];
  output: string;
  seed?: number;
  known: boolean;
  plan?: boolean;
}

/** `godwit run`: runs scenarios over pairs of builds and machine types. */
export function runCommand(): Command {
  const command = new Command('run')
    .description('run scenarios over builds and machine types; the whole catalogue where no file is named')
    .argument('[files...]', 'scenario files or folders')
    .option(
      '--source <build...>',
      `builds that a guest starts on: deb:SUITE, a path, a name on PATH (${usualBuilds.join(' ')})`,
    )
    .option('--destination <build...>', 'builds that a guest is migrated to (those of --source)')
    .addOption(new Option('--pairs <which>', 'which pairs of them').choices([...pairSelections]).default('all'))
    .option('--machine <glob...>', 'only these machine types')
    .option('--grep <re>', 'only cells whose id matches', (text: string) => parseExpression('--grep', text))
    .addOption(new Option('--accel <name>', 'accelerator').choices([...accelerators]).default('auto'))
    .option('--jobs <n>', 'cells at once, or auto', 'auto')
    .option('--shard <i/n>', 'the i-th of n parts of the run, or auto in a CI that says')
    .option('--retries <n>', 'how often a failed cell is tried again', parseCount, 0)
    .option('--reporter <name...>', `views of the run: ${reporterNames.join(', ')}`, [...defaultReporters])
    .option('--output <dir>', 'folder for the record, the reports and the logs', 'godwit-out')
    .option('--seed <n>', 'shuffle the cells, the same way for the same number', parseCount)
    .option('--no-known', 'judge as if no issue were known')
    .option('--plan', 'print the cells and run nothing')
    .action((files: string[], words: RunWords) => interruptible((signal) => runFromWords(files, words, signal)));
  return withGuestOptions(command);
}

async function runFromWords(paths: string[], words: RunWords, signal: AbortSignal): Promise<void> {
  const jobs = jobsOf(words.jobs);
  const shard = words.shard === undefined ? undefined : parseShard(words.shard);
  const reporter = createReporters(words.reporter, {
    folder: words.output,
    output: process.stdout,
    env: process.env,
    live: true,
  });
  const files = findScenarioFiles(paths.length > 0 ? paths : [catalogue]);
  const scenarios = await loadScenarios(files);
  const { sources, destinations } = await buildsOf(words, signal);
  const cells = planCells(scenarios, {
    sources,
    destinations,
    pairs: parsePairs(words.pairs),
    ...(words.machine && { machines: words.machine }),
    ...(words.grep && { grep: words.grep }),
    ...(shard && { shard }),
    ...(words.seed !== undefined && { seed: words.seed }),
  });
  const builds = [...new Set([...sources, ...destinations])];
  acceleratorFor(builds, words.accel);
  if (words.plan)
    return void process.stdout.write(
      cells.map(({ id, skip }) => (skip === undefined ? `${id}\n` : `${id} skipped: ${skip}\n`)).join(''),
    );
  const guests = guestSettings(words);
  const chosen = new Set(cells.flatMap(({ scenario, skip }) => (skip === undefined ? [scenario] : [])));
  await fetchGuests(
    scenarios.filter(({ title }) => chosen.has(title)),
    guests,
    signal,
  );
  const summary = await run({
    ...{ cells, scenarios, files, builds, signal, jobs },
    output: words.output,
    retries: words.retries,
    seed: words.seed ?? 0,
    ...(words.shard !== undefined && { shard: words.shard }),
    accel: words.accel,
    guests,
    knownIssues: words.known,
    argv: process.argv.slice(2),
    onEvent: (event) => reporter.onEvent(event),
  });
  await reporter.close(summary);
  process.exitCode = summary.exitStatus;
}

async function buildsOf(words: RunWords, signal: AbortSignal): Promise<{ sources: Build[]; destinations: Build[] }> {
  const options = { signal, onProgress: (text: string): void => void process.stderr.write(`${text}\n`) };
  const { source = words.destination, destination = words.source } = words;
  if (!source || !destination) {
    const { builds, note } = await defaultBuilds(usualBuilds, options);
    if (note !== undefined) process.stderr.write(`${note}\n`);
    return { sources: builds, destinations: builds };
  }
  const names = [...new Set([...source, ...destination])];
  const builds = await resolveBuilds(names, options);
  const named = (wanted: readonly string[]): Build[] => builds.filter(({ name }) => wanted.includes(name));
  return { sources: named(source), destinations: named(destination) };
}

function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('accepted: a whole number from 0 on');
  return Number(text);
}
