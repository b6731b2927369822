import { Command } from 'commander';
import { expect } from 'chai';
import { type BisectWords, modeOf, withBisectOptions } from '../../../../harness/cli/bisect/options.js';
import { UsageError } from '../../../../harness/core/errors.js';

/** What `godwit bisect WORDS` is asked for. */
function modeOfWords(...words: string[]): string {
  let mode = '';
  const command = new Command('bisect').action((given: BisectWords) => void (mode = modeOf(given)));
  withBisectOptions(command).parse(words, { from: 'user' });
  return mode;
}

/** 1. The search that is asked for. 2. None, two, and an option that means nothing to it are wrong words, before anything is fetched or compiled. */
describe('the options of a search', () => {
  for (const [words, mode] of [
    ['--repo . --good a --bad b --path hw/pci --first-parent --term-old slow --term-new fast --vary source', 'commits'],
    ['--builds a b --good a --bad b --vary destination', 'builds'],
    ['--properties --good pc-q35-6.1 --bad pc-q35-6.0', 'properties'],
    ['--minimise --repeat 3', 'minimise'],
    ['--run --repo . --find fix', 'run'],
  ] as const) {
    it(`search ${mode}: ${words}`, () => expect(modeOfWords(...words.split(' '))).to.equal(mode));
  }

  for (const [words, sentence] of [
    ['--good a', 'godwit bisect was not told what to search; accepted: one of --repo DIR'],
    ['--builds a b --repo .', '--builds and --repo are two searches'],
    ['--builds a b --path hw/pci', '--path means nothing to a search by --builds; accepted with: --repo'],
    [
      '--minimise --good a',
      '--good means nothing to a search by --minimise; accepted with: --repo, --builds, --properties',
    ],
    ['--run --bad a', '--bad means nothing to a search by --run'],
    ['--run --fresh', '--fresh means nothing to a search by --run'],
    ['--run --confidence 0.9', '--confidence means nothing to a search by --run'],
    ['--repo . --find fix', '--find means nothing to a search by --repo; accepted with: --run'],
    [
      '--properties --vary source',
      '--vary means nothing to a search by --properties; accepted with: --repo, --builds, --run',
    ],
  ] as const) {
    it(`refuse ${words}`, () => expect(() => modeOfWords(...words.split(' '))).to.throw(UsageError, sentence));
  }
});
