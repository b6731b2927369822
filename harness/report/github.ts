import type { RunSummary } from '../record/summary.js';
import { explanationsOf, type Explanation } from './explanation.js';
import type { ReportContext, Reporter } from './reporter.js';
import { countOf, printable } from './words.js';

const levels = { failed: 'error', broken: 'error', flaky: 'warning', fixed: 'notice' } as const;

/**
 * Annotations of a GitHub workflow, one for each explanation rather than each cell: GitHub shows ten of a level and drops the rest.
 * Written at the end, as workflow commands (`::error file=…,title=…::text`) on the output.
 */
export class GithubReporter implements Reporter {
  constructor(private readonly context: ReportContext) {}

  onEvent(): void {
    // The summary holds all that is needed.
  }

  close(summary: RunSummary): void {
    for (const explanation of explanationsOf(summary)) {
      const { verdict } = explanation;
      if (verdict === 'failed' || verdict === 'broken' || verdict === 'flaky' || verdict === 'fixed') {
        this.context.output.write(annotation(levels[verdict], explanation));
      }
    }
  }
}

function annotation(level: string, { verdict, title, cells }: Explanation): string {
  const file = escapeProperty(cells[0].cell.file);
  const heading = escapeProperty(`${verdict}: ${countOf(cells.length, 'cell')} of ${cells[0].cell.scenario}`);
  const text = escapeData([title, ...cells.slice(0, 10).map(({ cell }) => cell.id)].join('\n'));
  return `::${level} file=${file},title=${heading}::${text}\n`;
}

/** What a workflow command's text must not hold as it is: actions/toolkit, packages/core/src/command.ts. */
function escapeData(text: string): string {
  return printable(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
