import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { Command } from 'commander';
import { messageOf, UsageError } from '../core/errors.js';
import { mergeRecords } from '../record/merge.js';
import { readRecord } from '../record/read.js';
import { SummaryFold, type RunSummary } from '../record/summary.js';
import type { RecordEvent } from '../record/events.js';
import { openRecord, recordFileName } from '../record/write.js';
import type { Reporter } from '../report/reporter.js';
import { createReporters, defaultReporters, reporterNames } from '../report/reporters.js';

/**
 * `godwit report show` and `godwit report merge`: any record, seen again through the reporters of a run.
 * `show` exits 0 whatever the record holds; `merge` sets the exit status that one run of all the cells would have had.
 */
export function reportCommand(): Command {
  const names = reporterNames.join(', ');
  const report = new Command('report').description(
    'show the record of a run again, or merge the records of its shards',
  );
  report
    .command('show')
    .description('replay the record of a run through reporters; html and junit write their files into its folder')
    .argument('<dir>', 'output folder of a run')
    .option('--reporter <name...>', `any of ${names}`, ['terminal'])
    .action(showReport);
  report
    .command('merge')
    .description('make one run of the output folders of shards: record, cell folders, report.html and junit.xml')
    .argument('<dir...>', 'output folders of the shards')
    .requiredOption('--output <dir>', 'new or empty folder for the whole')
    .option('--reporter <name...>', `any of ${names}`, [...defaultReporters])
    .action(mergeReports);
  return report;
}

async function showReport(folder: string, options: { reporter: string[] }): Promise<void> {
  const reporter = reporterFor(options.reporter, folder);
  await replay(readRecord(recordIn(folder), note), reporter);
}

async function mergeReports(folders: string[], options: { output: string; reporter: string[] }): Promise<void> {
  const { output } = options;
  const reporter = reporterFor(options.reporter, output);
  const records = folders.map(recordIn);
  prepareOutput(output);
  const events = mergeRecords(records, { onNote: note, moveFolder: folderMover(folders, output) });
  const summary = await replay(kept(events, output), reporter);
  process.exitCode = summary.exitStatus;
}

function reporterFor(names: readonly string[], folder: string): Reporter {
  return createReporters(names, { folder, output: process.stdout, env: process.env, live: false });
}

async function replay(events: AsyncIterable<RecordEvent>, reporter: Reporter): Promise<RunSummary> {
  const fold = new SummaryFold();
  for await (const event of events) {
    fold.onEvent(event);
    reporter.onEvent(event);
  }
  const summary = fold.summary();
  await reporter.close(summary);
  return summary;
}

async function* kept(events: AsyncIterable<RecordEvent>, output: string): AsyncGenerator<RecordEvent, void, undefined> {
  await using record = openRecord(join(output, recordFileName));
  for await (const event of events) {
    record.write(event);
    yield event;
  }
}

function recordIn(folder: string): string {
  const file = join(folder, recordFileName);
  if (existsSync(file)) return file;
  throw new UsageError(`${folder} holds no ${recordFileName}; expected the output folder of a run`, {
    data: { folder },
  });
}

function prepareOutput(output: string): void {
  try {
    mkdirSync(output, { recursive: true });
    if (readdirSync(output).length === 0) return;
  } catch (thrown) {
    throw new UsageError(`--output ${output} cannot be written: ${messageOf(thrown)}`, {
      data: { output },
      cause: thrown,
    });
  }
  throw new UsageError(`--output ${output} is not empty; expected a new or empty folder`, { data: { output } });
}

/** Copies each cell's folder once and gives its place in the merged run; attempts of one cell may share a folder. */
function folderMover(folders: readonly string[], output: string): (folder: string, record: number) => string {
  const moved = new Map<string, string>();
  return (folder, record) => {
    const from = join(folders[record] ?? '', folder);
    const place = moved.get(from) ?? copyCell(folders[record] ?? '', folder, output);
    moved.set(from, place);
    return place;
  };
}

/** A record may come from anywhere: a folder outside its run is refused. A name that is taken gets a number. */
function copyCell(from: string, folder: string, output: string): string {
  const inside = normalize(folder).replace(/\/+$/, '');
  if (isAbsolute(folder) || ['', '.', '..'].includes(inside) || inside.startsWith('../')) {
    throw new UsageError(`${join(from, recordFileName)} names the folder "${folder}"; expected one inside ${from}`);
  }
  if (!existsSync(join(from, inside))) {
    note(`${join(from, inside)} is not there and is not copied`);
    return folder;
  }
  let free = inside;
  for (let number = 2; existsSync(join(output, free)); number += 1) free = `${inside}~${number}`;
  mkdirSync(dirname(join(output, free)), { recursive: true });
  cpSync(join(from, inside), join(output, free), { recursive: true, filter: isCopied });
  return free;
}

/** Sockets and links of a run that was killed stay behind: neither means anything elsewhere. */
function isCopied(path: string): boolean {
  const entry = lstatSync(path);
  return entry.isFile() || entry.isDirectory();
}

function note(sentence: string): void {
  process.stderr.write(`godwit: ${sentence}\n`);
}
