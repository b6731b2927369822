import { Command, Option } from 'commander';
import { splitWords } from '../machine/words.js';
import { createReporters, defaultReporters, reporterNames } from '../report/reporters.js';
import { planCells } from '../run/plan.js';
import { pairSelections, parsePairs } from '../run/routes.js';
import { run } from '../run/run.js';
import { parseShard } from '../run/shard.js';
import { usualBuilds } from '../run/usual.js';
import {
  type CellWords,
  cellsUnder,
  parseCount,
  prepareCells,
  scenariosOf,
  sessionWords,
  withCellOptions,
} from './options/cell-options.js';
import { compileFor, type CompileWords, withCompileOptions } from './options/compile-options.js';
import { cellsWithKernel } from './options/guest-options.js';
import { buildsOf } from './options/named-builds.js';
import { interruptible } from './interrupt.js';

interface RunWords extends CellWords, CompileWords {
  source?: string[];
  destination?: string[];
  pairs: string;
  shard?: string;
  retries: number;
  reporter: string[];
  seed?: number;
  add?: string;
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
      `builds that a guest starts on: deb:SUITE, git:DIR@REV, a path, a name on PATH (${usualBuilds.join(' ')})`,
    )
    .option('--destination <build...>', 'builds that a guest is migrated to (those of --source)')
    .addOption(new Option('--pairs <which>', 'which pairs of them').choices([...pairSelections]).default('all'))
    .option('--shard <i/n>', 'the i-th of n parts of the run, or auto in a CI that says')
    .option('--retries <n>', 'how often a failed cell is tried again', parseCount, 0)
    .option('--reporter <name...>', `views of the run: ${reporterNames.join(', ')}`, [...defaultReporters])
    .option('--seed <n>', 'shuffle the cells, the same way for the same number', parseCount)
    .option('--add <words>', "words added to every command line, as in --add '-global DRIVER.PROPERTY=VALUE'")
    .option('--no-known', 'judge as if no issue were known')
    .option('--plan', 'print the cells and run nothing')
    .action((files: string[], words: RunWords) => interruptible((signal) => runFromWords(files, words, signal)));
  return withCompileOptions(withCellOptions(command, 'godwit-out'));
}

async function runFromWords(paths: string[], words: RunWords, signal: AbortSignal): Promise<void> {
  const settings = { ...sessionWords(words), signal };
  const shard = words.shard === undefined ? undefined : parseShard(words.shard);
  const reporter = createReporters(words.reporter, {
    folder: words.output,
    output: process.stdout,
    env: process.env,
    live: true,
  });
  const { files, scenarios } = await scenariosOf(paths);
  const compile = compileFor(scenarios, words);
  const { sources, destinations } = await buildsOf(scenarios, words, { signal, compile, say });
  const planned = planCells(scenarios, {
    sources,
    destinations,
    pairs: parsePairs(words.pairs),
    ...(words.machine && { machines: words.machine }),
    ...(words.grep && { grep: words.grep }),
    ...(shard && { shard }),
    ...(words.add !== undefined && { added: splitWords(words.add) }),
    ...(words.seed !== undefined && { seed: words.seed }),
  });
  const builds = [...new Set([...sources, ...destinations])];
  const accelerated = cellsUnder(words.accel, { cells: planned, builds });
  const cells = cellsWithKernel(words.kernel, { cells: accelerated, builds, scenarios });
  if (words.plan) {
    return void process.stdout.write(
      cells.map(({ id, skip }) => (skip === undefined ? `${id}\n` : `${id} skipped: ${skip}\n`)).join(''),
    );
  }
  await prepareCells({ cells, builds, scenarios }, settings);
  const summary = await run({
    ...settings,
    ...{ cells, scenarios, files, builds },
    retries: words.retries,
    seed: words.seed ?? 0,
    ...(words.shard !== undefined && { shard: words.shard }),
    knownIssues: words.known,
    onEvent: (event) => reporter.onEvent(event),
  });
  await reporter.close(summary);
  process.exitCode = summary.exitStatus;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
