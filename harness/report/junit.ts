import { join } from 'node:path';
import type { CellSummary, RunSummary } from '../record/summary.js';
import { countVerdicts } from '../record/verdict.js';
import { evidenceOf, failureType, storyOf } from './explanation.js';
import { attributes, escapeText } from './markup.js';
import { writeReport } from './report-file.js';
import type { ReportContext, Reporter } from './reporter.js';

/** Name of the JUnit report inside the output folder. */
export const junitFileName = 'junit.xml';

/**
 * Writes `junit.xml`: a suite for each scenario, a case for each planned cell under its id, times in seconds.
 * `failed` is a failure, `broken` (a cell that never finished too) an error. `known` is skipped with the issue's name, because
 * the format has no word for a failure that is expected: as a failure it would turn every run red, as a pass it would hide the bug.
 * `flaky` passes, with its failed attempt as a `flakyFailure` (the Surefire schema's word); `fixed` passes and says so in system-out.
 */
export class JunitReporter implements Reporter {
  constructor(private readonly context: ReportContext) {}

  onEvent(): void {
    // The summary holds all that is needed.
  }

  async close(summary: RunSummary): Promise<void> {
    await writeReport(join(this.context.folder, junitFileName), renderJunit(summary));
  }
}

/** The text of the report, in pieces; always well-formed XML 1.0. */
export function* renderJunit(summary: RunSummary): Generator<string, void, undefined> {
  yield '<?xml version="1.0" encoding="UTF-8"?>\n';
  yield `<testsuites${attributes({ name: 'godwit', ...totalsOf(summary.cells), time: seconds(summary.durationMs) })}>\n`;
  const suites = new Map<string, CellSummary[]>();
  for (const cell of summary.cells) {
    const suite = suites.get(cell.cell.scenario);
    if (suite) suite.push(cell);
    else suites.set(cell.cell.scenario, [cell]);
  }
  for (const [scenario, cells] of suites) {
    const time = seconds(cells.reduce((sum, cell) => sum + cell.durationMs, 0));
    yield `  <testsuite${attributes({ name: scenario, ...totalsOf(cells), time, timestamp: summary.startedAt })}>\n`;
    for (const cell of cells) yield renderCase(cell);
    yield '  </testsuite>\n';
  }
  yield '</testsuites>\n';
}

function renderCase(summary: CellSummary): string {
  const { id, scenario, file } = summary.cell;
  const head = attributes({ name: id, classname: scenario, file, time: seconds(summary.durationMs) });
  const body = [renderVerdict(summary), ...(summary.result?.remarks ?? []).map(renderRemark)].join('');
  return body === '' ? `    <testcase${head}/>\n` : `    <testcase${head}>\n      ${body}\n    </testcase>\n`;
}

function renderRemark(remark: string): string {
  return `<system-out>${escapeText(`remark: ${remark}`)}</system-out>`;
}

function renderVerdict(summary: CellSummary): string {
  const { verdict, result } = summary;
  switch (verdict) {
    case 'passed':
      return '';
    case 'failed':
      return renderProblem('failure', summary);
    case 'broken':
      return renderProblem('error', summary);
    case 'flaky':
      return renderProblem('flakyFailure', summary);
    case 'skipped':
      return `<skipped${attributes({ message: summary.reason })}/>`;
    case 'known': {
      const message = `known issue ${result?.knownIssue ?? ''}: ${messageOf(summary)}`;
      return `<skipped${attributes({ message })}/>`;
    }
    case 'fixed':
      return `<system-out>${escapeText(`known issue ${result?.knownIssue ?? ''} did not happen`)}</system-out>`;
  }
}

function renderProblem(element: string, summary: CellSummary): string {
  const evidence = summary.result ? evidenceOf(summary.result) : { diagnosis: [], hints: [], raw: [] };
  const lines = [...storyOf(evidence, summary.reason), ...evidence.raw];
  if (summary.result?.folder !== undefined) lines.push(`see ${summary.result.folder}`);
  const head = attributes({ type: failureType(summary), message: messageOf(summary) });
  return `<${element}${head}>${lines.map((line) => escapeText(line)).join('\n')}</${element}>`;
}

function messageOf({ result, reason }: CellSummary): string {
  const [first] = result ? evidenceOf(result).diagnosis : [];
  return first ?? reason;
}

function totalsOf(cells: readonly CellSummary[]): Record<string, number> {
  const counts = countVerdicts(cells.map(({ verdict }) => verdict));
  return {
    tests: cells.length,
    failures: counts.failed,
    errors: counts.broken,
    skipped: counts.skipped + counts.known,
  };
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}
