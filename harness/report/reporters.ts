import { join } from 'node:path';
import { UsageError } from '../core/errors.js';
import { GithubReporter } from './github.js';
import { HtmlReporter, htmlFileName } from './html.js';
import { JunitReporter, junitFileName } from './junit.js';
import { Multiplexer, type ReportContext, type Reporter } from './reporter.js';
import { TerminalReporter } from './terminal.js';

/** Names that `--reporter` accepts. */
export const reporterNames = ['terminal', 'html', 'junit', 'github'] as const;

/** What a run shows and writes when nobody says otherwise. */
export const defaultReporters: readonly ReporterName[] = ['terminal', 'html', 'junit'];

export type ReporterName = (typeof reporterNames)[number];

const constructors: Record<Exclude<ReporterName, 'terminal'>, new (context: ReportContext) => Reporter> = {
  html: HtmlReporter,
  junit: JunitReporter,
  github: GithubReporter,
};

const fileNames: Partial<Record<ReporterName, string>> = { html: htmlFileName, junit: junitFileName };

/** One reporter for all of `names`, the terminal last so that it speaks when the files are there. Throws UsageError for an unknown name. */
export function createReporters(names: readonly string[], context: ReportContext): Reporter {
  const known = [...new Set(names.map(reporterName))];
  const reporters = known.flatMap((name) => (name === 'terminal' ? [] : [new constructors[name](context)]));
  if (!known.includes('terminal')) return new Multiplexer(reporters);
  const files = known.flatMap((name) => fileNames[name] ?? []).map((file) => join(context.folder, file));
  return new Multiplexer([...reporters, new TerminalReporter(context, files)]);
}

function reporterName(name: string): ReporterName {
  const found = reporterNames.find((accepted) => accepted === name);
  if (found) return found;
  throw new UsageError(`unknown reporter "${name}"; accepted: ${reporterNames.join(', ')}`, { data: { name } });
}
