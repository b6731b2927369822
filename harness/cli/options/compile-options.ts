import type { Command } from 'commander';
import type { CompileSettings } from '../../build/git/recipe.js';
import { splitWords } from '../../machine/words.js';
import { likelyScenarios } from '../../run/architectures.js';
import { featuresOf } from '../../run/features.js';
import type { Scenario } from '../../scenario/definition.js';
import type { CellWords } from './cell-options.js';

/** What `withCompileOptions` adds to the words of a command. */
export interface CompileWords {
  configure?: string;
  buildCommand?: string;
  features?: string[];
  firmware?: string;
  target?: string[];
}

/**
 * The settings for commits on which cells of these scenarios run: with the features that their command lines need. Of scenarios that
 * `--grep` names, where it names some. Throws UsageError when a quote is not closed.
 */
export function compileFor(
  scenarios: readonly Scenario[],
  words: CompileWords & Pick<CellWords, 'grep'>,
): CompileSettings {
  return compileSettings(words, featuresOf(likelyScenarios(scenarios, words.grep)));
}

/** Adds the options that say how commits (git:DIR@REV) are compiled. */
export function withCompileOptions(command: Command): Command {
  return command
    .option('--configure <words>', "arguments of QEMU's configure for git:DIR@REV, in place of the fewest features")
    .option(
      '--build-command <words>',
      'what compiles git:DIR@REV in place of configure and ninja; GODWIT_ARCH and GODWIT_COMMIT tell it what',
    )
    .option('--features <name...>', 'features of configure that git:DIR@REV is compiled with besides: slirp, zstd, kvm')
    .option(
      '--firmware <build|dir>',
      'where git:DIR@REV takes ROMs from that its pc-bios lacks: deb:SUITE, or a folder',
    )
    .option('--target <arch...>', 'other architectures to compile git:DIR@REV for in the same go');
}

/** The settings that these words mean. Throws UsageError when a quote is not closed. */
export function compileSettings(
  { configure, buildCommand, features = [], firmware, target }: CompileWords,
  needed: readonly string[] = [],
): CompileSettings {
  const named = features.flatMap((names) => names.split(','));
  // Who says how to compile has said with what.
  const all = configure === undefined && buildCommand === undefined ? [...new Set([...named, ...needed])] : named;
  return {
    ...(configure !== undefined && { configure: splitWords(configure) }),
    ...(buildCommand !== undefined && { command: splitWords(buildCommand) }),
    ...(all.length > 0 && { features: all }),
    ...(firmware !== undefined && { firmware }),
    ...(target && { targets: target.flatMap((names) => names.split(',')) }),
  };
}
