import { Command } from 'commander';
import { bisectBuilds, bisectCommits } from './history.js';
import { bisectJudge } from './judge.js';
import { bisectMinimise } from './minimise.js';
import { type BisectWords, modeOf, type SearchMode, withBisectOptions } from './options.js';
import { bisectProperties } from './properties.js';
import { interruptible } from '../interrupt.js';

type Search = (paths: string[], words: BisectWords, signal: AbortSignal) => Promise<void>;

const searches: Record<SearchMode, Search> = {
  properties: bisectProperties,
  minimise: bisectMinimise,
  commits: bisectCommits,
  builds: bisectBuilds,
  run: bisectJudge,
};

/** `godwit bisect`: which commit, build, property or device makes the difference between passing and failing. */
export function bisectCommand(): Command {
  const command = new Command('bisect')
    .description(
      'find the change that broke or fixed a scenario: over commits, builds, compat properties, command lines',
    )
    .argument('[files...]', 'scenario files or folders; the whole catalogue where none is named')
    .action((files: string[], words: BisectWords) =>
      interruptible((signal) => searches[modeOf(words)](files, words, signal)),
    );
  return withBisectOptions(command);
}
