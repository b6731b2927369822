import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Examination } from '../../bisect/history/examination.js';
import { anyFailure, Inquiry } from '../../bisect/inquiry.js';
import { Journal, type Question } from '../../bisect/journal.js';
import type { Playing } from '../../bisect/history/varied-side.js';
import type { CompileSettings } from '../../build/git/recipe.js';
import type { RecordEvent } from '../../record/events.js';
import { readRecord } from '../../record/read.js';
import { recordFileName } from '../../record/write.js';
import { createReporters } from '../../report/reporters.js';
import { RunSession } from '../../run/session.js';
import { usualGuests } from '../../run/usual.js';
import type { Scenario } from '../../scenario/definition.js';
import type { GuestSettings } from '../../scenario/guests.js';
import type { BisectWords } from './options.js';
import { sessionWords } from '../options/cell-options.js';

/** A search that can be asked: its examination, and where its output is. */
export interface Searching {
  examination: Examination;
  /** The output folder, absolute and without links. */
  folder: string;
  /** Cells that were played so far. */
  cellsPlayed: () => number;
}

/** What a search needs besides its words. */
export interface SearchMeans {
  files: string[];
  scenarios: readonly Scenario[];
  question: Question;
  compile: CompileSettings;
  signal: AbortSignal;
}

/**
 * Opens the output folder of a search, with what an earlier one has left of the same question, and closes record and reports when `search`
 * has come to its end, whichever it is. Throws UsageError when the folder holds another question or cannot be written.
 */
export async function inSearch<T>(
  words: BisectWords,
  { files, scenarios, question, signal }: SearchMeans,
  search: (searching: Searching) => Promise<T>,
): Promise<T> {
  const settings = sessionWords(words);
  const journal = Journal.open(words.output, question, { fresh: words.fresh ?? false });
  const known = journal.rounds.length;
  if (known > 0) tell(`going on with ${words.output}: ${known} answers are known (--fresh forgets them)`);
  const earlier = known > 0 ? await eventsIn(join(words.output, recordFileName)) : [];
  const reporter = createReporters(['html', 'junit'], {
    ...{ folder: words.output, output: process.stdout, env: process.env, live: true },
  });
  let played = 0;
  const onEvent = (event: RecordEvent): void => {
    if (event.event === 'cell-finished' && event.result.verdict !== 'skipped') played += 1;
    reporter.onEvent(event);
  };
  const options = { ...settings, files, scenarios, signal, onEvent, retries: 0, seed: 0, knownIssues: false };
  await using session = RunSession.open(options, undefined, earlier);
  const before = played;
  const examination = new Examination(new Inquiry(session, anyFailure), journal, { jobs: settings.jobs, tell });
  try {
    return await search({ examination, folder: realpathSync(words.output), cellsPlayed: () => played - before });
  } finally {
    await reporter.close(session.finish());
    if (signal.aborted) tell(`interrupted: ${words.output} keeps the answers so far, and the same command goes on`);
  }
}

/** What tells one search from another: what is played, and on what. */
export function questionOf(
  words: BisectWords,
  { playing, files, compile }: { playing: Playing; files: readonly string[]; compile: CompileSettings },
): Question {
  const { guests, accel } = sessionWords(words);
  const { held, vary, chosen } = playing;
  return {
    scenarios: files.join(' '),
    'what is in their files': digestOf(files),
    ...(chosen.machines && { '--machine': chosen.machines.join(' ') }),
    ...(chosen.grep && { '--grep': chosen.grep.source }),
    ...(vary !== 'both' && { '--vary': vary }),
    ...(held && { 'the other side': `${held.name} (${held.sha256})` }),
    '--accel': accel,
    ...guestsIn(guests),
    ...(Object.keys(compile).length > 0 && { 'how commits are compiled': JSON.stringify(compile) }),
  };
}

/** What guests are made of, where it is not the usual: files by their size and the time of their last change. */
export function guestsIn(guests: GuestSettings): Question {
  const said = JSON.stringify(guests);
  if (said === JSON.stringify(usualGuests)) return {};
  const files = [guests.kernel, guests.initrd, guests.disk].flatMap((path) => {
    const stats = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
    return stats ? `${path} ${stats.size} ${stats.mtimeMs}` : [];
  });
  return { guests: [said, ...files].join(' ') };
}

/** A line for a person who watches. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A digest of what files hold: another content is another question. */
export function digestOf(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

/** The events of an earlier search's record; what a crash cut short is left out. */
export async function eventsIn(file: string): Promise<RecordEvent[]> {
  if (!existsSync(file)) return [];
  const events: RecordEvent[] = [];
  for await (const event of readRecord(file, () => undefined)) events.push(event);
  return events;
}
