import { type Command, InvalidArgumentError, Option } from 'commander';
import { type VariedSide, variedSides } from '../../bisect/history/varied-side.js';
import { UsageError } from '../../core/errors.js';
import { type CellWords, parseCount, withCellOptions } from '../options/cell-options.js';
import { type CompileWords, withCompileOptions } from '../options/compile-options.js';

/** What `withBisectOptions` adds to the words of a command. */
export interface BisectWords extends CellWords, CompileWords {
  repo?: string;
  builds?: string[];
  properties?: boolean;
  minimise?: boolean;
  run?: boolean;
  good?: string;
  bad?: string;
  vary: VariedSide;
  source?: string;
  destination?: string;
  confidence: number;
  repeat?: number;
  fresh?: boolean;
  firstParent?: boolean;
  path?: string[];
  termOld?: string;
  termNew?: string;
  find?: 'break' | 'fix';
}

/** Of --confidence, where nothing is said. */
const usualConfidence = 0.99;

/** What a search is over, by the option that says so. */
export type SearchMode = 'commits' | 'builds' | 'properties' | 'minimise' | 'run';

/** Adds the options of a search: over what, between which ends, and how sure its answers must be. */
export function withBisectOptions(command: Command): Command {
  command
    .option('--repo <dir>', 'search the commits of this QEMU checkout, between --good and --bad')
    .option('--builds <build...>', 'search these builds in their order; of a folder, every QEMU in it by version')
    .option('--properties', 'search the compat properties that separate the machine types --good and --bad')
    .option('--minimise', 'search the smallest command line and the fewest actions with which one cell fails')
    .option('--run', 'judge the checkout alone, as the command of `git bisect run`')
    .option('--good <x>', 'a revision, a build or a machine type that passes')
    .option('--bad <x>', 'one that fails')
    .addOption(
      new Option('--vary <side>', 'which side is the searched build').choices([...variedSides]).default('both'),
    )
    .option('--source <build>', 'the build that guests start on, where the search leaves it alone')
    .option('--destination <build>', 'the build that guests are migrated to, where the search leaves it alone')
    .option(
      '--confidence <p>',
      'how sure a pass must be where a failure comes now and then',
      parseConfidence,
      usualConfidence,
    )
    .option('--repeat <n>', 'passes that make a step good, instead of as many as --confidence asks for', parseRepeat)
    .option('--fresh', 'forget what the output folder holds of an earlier search')
    .option('--first-parent', 'follow only the first parent of merges')
    .option('--path <path...>', 'only commits that change these paths of the checkout')
    .option('--term-old <word>', "the word of git's log for the older state")
    .option('--term-new <word>', "the word of git's log for the newer state")
    .addOption(
      new Option('--find <what>', 'what `git bisect run` looks for, where its terms do not tell').choices([
        'break',
        'fix',
      ]),
    );
  return withCompileOptions(withCellOptions(command, 'godwit-bisect'));
}

/** Options that mean something to some searches alone, and to which. */
const belongings: readonly [option: string, isGiven: (words: BisectWords) => boolean, to: readonly SearchMode[]][] = [
  ['--path', ({ path }) => path !== undefined, ['commits']],
  ['--first-parent', ({ firstParent }) => firstParent === true, ['commits']],
  ['--term-old', ({ termOld }) => termOld !== undefined, ['commits']],
  ['--term-new', ({ termNew }) => termNew !== undefined, ['commits']],
  ['--find', ({ find }) => find !== undefined, ['run']],
  ['--vary', ({ vary }) => vary !== 'both', ['commits', 'builds', 'run']],
  ['--good', ({ good }) => good !== undefined, ['commits', 'builds', 'properties']],
  ['--bad', ({ bad }) => bad !== undefined, ['commits', 'builds', 'properties']],
  ['--fresh', ({ fresh }) => fresh === true, ['commits', 'builds', 'properties', 'minimise']],
  ['--confidence', ({ confidence }) => confidence !== usualConfidence, ['commits', 'builds', 'properties', 'minimise']],
];

/** How a search is asked for. */
const askedBy: Readonly<Record<SearchMode, string>> = {
  commits: '--repo',
  builds: '--builds',
  properties: '--properties',
  minimise: '--minimise',
  run: '--run',
};

/** What the words ask for. Throws UsageError when they name no kind of search, or several, or have an option that means nothing to theirs. */
export function modeOf(words: BisectWords): SearchMode {
  const { repo, builds, properties, minimise, run } = words;
  const isAsked = { properties, minimise, run, builds, commits: repo !== undefined && !run };
  const asked = (Object.keys(isAsked) as SearchMode[]).filter((mode) => isAsked[mode]);
  const [first, second] = asked;
  const accepted = 'one of --repo DIR, --builds BUILD…, --properties, --minimise, --run';
  if (!first) throw new UsageError(`godwit bisect was not told what to search; accepted: ${accepted}`);
  if (second) throw new UsageError(`${askedBy[first]} and ${askedBy[second]} are two searches; accepted: ${accepted}`);
  const astray = belongings.find(([, isGiven, to]) => isGiven(words) && !to.includes(first));
  if (astray) {
    const [option, , to] = astray;
    const others = to.map((mode) => askedBy[mode]).join(', ');
    throw new UsageError(`${option} means nothing to a search by ${askedBy[first]}; accepted with: ${others}`);
  }
  return first;
}

function parseConfidence(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0.5 && value < 1) return value;
  throw new InvalidArgumentError('accepted: from 0.5 to below 1, as in 0.99');
}

function parseRepeat(text: string): number {
  const count = parseCount(text);
  if (count >= 1 && count <= 1000) return count;
  throw new InvalidArgumentError('accepted: 1 to 1000');
}
