import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Inquiry, type Judge, type KnownResults } from '../../bisect/inquiry.js';
import { Journal, journalFileName, type Question } from '../../bisect/journal.js';
import type { Build } from '../../build/build.js';
import type { CompileSettings } from '../../build/git/recipe.js';
import { Machine } from '../../machine/machine.js';
import type { CellResult, RecordEvent } from '../../record/events.js';
import { recordFileName } from '../../record/write.js';
import { createReporters } from '../../report/reporters.js';
import { RunSession } from '../../run/session.js';
import type { Scenario } from '../../scenario/definition.js';
import { digestOf, eventsIn, guestsIn } from './examination.js';
import type { BisectWords } from './options.js';
import { sessionWords } from '../options/cell-options.js';

/** Where a reduction runs its cells. */
export interface ReductionSetup {
  words: BisectWords;
  files: string[];
  scenarios: readonly Scenario[];
  /** Builds of the search. */
  builds: readonly Build[];
  compile: CompileSettings;
  /** What is asked, besides what the words of every search say. */
  question: Question;
  judge: Judge;
  signal: AbortSignal;
}

/**
 * Runs a reduction in a session of its own: no issue is known, nothing is retried; the record and its reports are whole however it ends.
 * What an earlier one of the same question has left in the output folder is not played again.
 * Throws UsageError when the output folder holds another question or cannot be written, and what the reduction throws.
 */
export async function inReduction<T>(setup: ReductionSetup, reduce: (inquiry: Inquiry) => Promise<T>): Promise<T> {
  const { words, files, scenarios, judge, signal } = setup;
  const fresh = words.fresh ?? false;
  const isEarlier = !fresh && existsSync(join(words.output, journalFileName));
  Journal.open(words.output, questionOf(setup), { fresh });
  const earlier = isEarlier ? await eventsIn(join(words.output, recordFileName)) : [];
  const known = resultsIn(earlier);
  if (known.size > 0) say(`going on with ${words.output}: ${known.size} cells are known (--fresh forgets them)`);
  const reporter = createReporters(['html', 'junit'], {
    ...{ folder: words.output, output: process.stdout, env: process.env, live: true },
  });
  // Machines that it starts itself run in this process.
  signal.addEventListener('abort', () => Machine.killAll(), { once: true });
  const options = {
    ...{ ...sessionWords(words), files, scenarios, signal, retries: 0, seed: 0, knownIssues: false },
    onEvent: (event: RecordEvent) => reporter.onEvent(event),
  };
  await using session = RunSession.open(options, undefined, earlier);
  try {
    return await reduce(new Inquiry(session, judge, known));
  } finally {
    await reporter.close(session.finish());
    if (signal.aborted) say(`interrupted: ${words.output} keeps the cells so far, and the same command goes on`);
  }
}

function questionOf({ words, files, builds, compile, question }: ReductionSetup): Question {
  const { guests, accel } = sessionWords(words);
  return {
    ...question,
    scenarios: files.join(' '),
    'what is in their files': digestOf(files),
    builds: builds.map(({ name, sha256 }) => `${name} (${sha256})`).join(', '),
    '--accel': accel,
    ...(words.grep && { '--grep': words.grep.source }),
    ...guestsIn(guests),
    ...(Object.keys(compile).length > 0 && { 'how commits are compiled': JSON.stringify(compile) }),
  };
}

/** Results that say something of QEMU, by the id of their cell, in their order. */
function resultsIn(events: readonly RecordEvent[]): KnownResults {
  const results = new Map<string, CellResult[]>();
  for (const event of events) {
    if (event.event !== 'cell-finished' || event.result.verdict === 'skipped' || event.result.verdict === 'broken')
      continue;
    results.set(event.cell, [...(results.get(event.cell) ?? []), event.result]);
  }
  return results;
}

/** Prints the report and keeps it beside the record: `bisect.txt`, and the same as data in `bisect.json`. */
export function writeReduction(output: string, { text, data }: { text: string; data: object }): void {
  process.stdout.write(text);
  writeFileSync(join(output, 'bisect.txt'), text);
  writeFileSync(join(output, 'bisect.json'), `${JSON.stringify(data, undefined, 2)}\n`);
}

/** One line on standard error: what a reduction does now. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
