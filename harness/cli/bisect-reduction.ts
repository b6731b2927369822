import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Inquiry, type Judge } from '../bisect/inquiry.js';
import { Machine } from '../machine/machine.js';
import { createReporters } from '../report/reporters.js';
import { RunSession } from '../run/session.js';
import type { Scenario } from '../scenario/definition.js';
import { type CellWords, sessionWords } from './cell-options.js';

/** Where a reduction runs its cells. */
export interface ReductionSetup {
  words: CellWords;
  files: string[];
  scenarios: readonly Scenario[];
  judge: Judge;
  signal: AbortSignal;
}

/**
 * Runs a reduction in a session of its own: no issue is known, nothing is retried; the record and its reports are whole however it ends.
 * Throws UsageError when the output folder cannot be written, and what the reduction throws.
 */
export async function inReduction<T>(setup: ReductionSetup, reduce: (inquiry: Inquiry) => Promise<T>): Promise<T> {
  const { words, files, scenarios, judge, signal } = setup;
  const reporter = createReporters(['html', 'junit'], {
    ...{ folder: words.output, output: process.stdout, env: process.env, live: true },
  });
  // Machines that it starts itself run in this process.
  signal.addEventListener('abort', () => Machine.killAll(), { once: true });
  await using session = RunSession.open({
    ...{ ...sessionWords(words), files, scenarios, signal, retries: 0, seed: 0, knownIssues: false },
    onEvent: (event) => reporter.onEvent(event),
  });
  try {
    return await reduce(new Inquiry(session, judge));
  } finally {
    await reporter.close(session.finish());
  }
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
