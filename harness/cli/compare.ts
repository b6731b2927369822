import { Command, InvalidArgumentError } from 'commander';
import { join } from 'node:path';
import { compare, type Comparison, rowsMeant } from '../bisect/compare/comparison.js';
import { type Builds, cellsOf, type Row, rowsOf } from '../bisect/compare/pairs.js';
import { reportLines, reportNames } from '../bisect/compare/report.js';
import { renderComparison } from '../bisect/compare/report-html.js';
import type { ResolveOptions } from '../build/resolve.js';
import { UsageError } from '../core/errors.js';
import { writeReport } from '../report/report-file.js';
import { createReporters } from '../report/reporters.js';
import { printableLine } from '../report/words.js';
import { RunSession, type SessionOptions } from '../run/session.js';
import type { Scenario } from '../scenario/definition.js';
import {
  type CellWords,
  parseCount,
  prepareCells,
  scenariosOf,
  sessionWords,
  withCellOptions,
} from './options/cell-options.js';
import { compileFor, type CompileWords, withCompileOptions } from './options/compile-options.js';
import { buildsOf, oneArchitecture } from './options/named-builds.js';
import { parseExpression } from './options/expression.js';
import { interruptible } from './interrupt.js';

interface CompareWords extends CellWords, CompileWords {
  base: string;
  patched: string;
  expectFix?: RegExp;
  measure?: number;
  streams: boolean;
  seed: number;
}

/** Entries of each kind that are printed; the report in the output folder has them all. */
const mostPrinted = 12;
const mostRounds = 10_000;

/** `godwit compare`: what a patch fixes, what it breaks, and what else it changes. */
export function compareCommand(): Command {
  const command = new Command('compare')
    .description('judge a patch: run scenarios over the four pairs of two builds, and tell what differs')
    .argument('[files...]', 'scenario files or folders; the whole catalogue where none is named')
    .requiredOption('--base <build>', 'the build without the patch: deb:SUITE, git:DIR@REV, a path, a name on PATH')
    .requiredOption('--patched <build>', 'the build with it')
    .option('--expect-fix <re>', 'cells that must go from failing to passing', (text: string) =>
      parseExpression('--expect-fix', text),
    )
    .option(
      '--measure <n>',
      'runs of each cell on either build that are measured, 0 for none; as many as fit half a minute where nothing is said',
      parseRounds,
    )
    .option('--no-streams', 'leave the migration streams uncompared')
    .option('--seed <n>', 'of the permutation test', parseCount, 0)
    .action((files: string[], words: CompareWords) =>
      interruptible((signal) => compareFromWords(files, words, signal)),
    );
  return withCompileOptions(withCellOptions(command, 'godwit-compare'));
}

async function compareFromWords(paths: string[], words: CompareWords, signal: AbortSignal): Promise<void> {
  if (words.base === words.patched)
    throw new UsageError(`--base and --patched are both ${words.base}; accepted: two builds`);
  const { files, scenarios } = await scenariosOf(paths);
  const compile = compileFor(scenarios, words);
  const builds = await sidesOf(scenarios, words, { compile, signal });
  const rows = rowsOf(scenarios, builds, {
    ...(words.machine && { machines: words.machine }),
    ...(words.grep && { grep: words.grep }),
  });
  checkExpected(words.expectFix, rows);
  const reporter = createReporters(['html', 'junit'], {
    ...{ folder: words.output, output: process.stdout, env: process.env, live: false },
  });
  const options: SessionOptions = {
    ...sessionWords(words),
    ...{ scenarios, files, signal, retries: 0, seed: words.seed, knownIssues: false },
    onEvent: (event) => reporter.onEvent(event),
  };
  const plan = { builds: [builds.base, builds.patched], cells: rows.flatMap(cellsOf) };
  await prepareCells({ ...plan, scenarios }, options);
  await using session = RunSession.open(options, plan);
  const comparing = compare(
    { session, rows, builds, signal, onStep: say },
    {
      ...{ rounds: words.measure ?? 'auto', seed: words.seed, streams: words.streams },
      ...(words.expectFix && { expectFix: words.expectFix }),
    },
  );
  // Record and reports are whole however it ends.
  const comparison = await comparing.finally(() => reporter.close(session.finish()));
  await tell(comparison, words.output);
  process.exitCode = comparison.exitStatus;
}

async function sidesOf(
  scenarios: readonly Scenario[],
  words: CompareWords,
  how: Pick<ResolveOptions, 'compile' | 'signal'>,
): Promise<Builds> {
  const wanted = { ...words, source: words.base, destination: words.patched };
  const architectures = oneArchitecture(scenarios, { ...words, names: [words.base, words.patched] }, say);
  const { sources, destinations } = await buildsOf(scenarios, wanted, { ...how, architectures, say });
  const [base] = sources;
  const [patched] = destinations;
  if (!base || !patched) throw new UsageError('--base and --patched name two builds');
  return { base, patched };
}

function checkExpected(expression: RegExp | undefined, rows: readonly Row[]): void {
  if (!expression || rowsMeant(expression, rows).length > 0) return;
  const count = rows.flatMap(cellsOf).length;
  throw new UsageError(`--expect-fix ${expression.source} matches none of ${count} cells`);
}

/** Prints the report, and writes all of it into the output folder. */
async function tell(comparison: Comparison, folder: string): Promise<void> {
  const texts: [name: string, pieces: Iterable<string>][] = [
    [reportNames.text, reportLines(comparison).map((line) => `${line}\n`)],
    [reportNames.json, [JSON.stringify(comparison, null, 2), '\n']],
    [reportNames.page, renderComparison(comparison)],
  ];
  for (const [name, pieces] of texts) await writeReport(join(folder, name), pieces);
  const printed = reportLines(comparison, { most: mostPrinted });
  const files = texts.map(([name]) => `report: ${printableLine(join(folder, name))}`);
  process.stdout.write(`${[...printed, ...files].join('\n')}\n`);
}

function say(text: string): void {
  process.stderr.write(`${printableLine(text)}\n`);
}

function parseRounds(text: string): number {
  const count = parseCount(text);
  if (count <= mostRounds) return count;
  throw new InvalidArgumentError(`accepted: 0 to ${mostRounds}`);
}
