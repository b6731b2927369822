import { join } from 'node:path';
import type { BuildSummary, CellFinished, CellResult, RecordEvent } from '../record/events.js';
import type { RunSummary } from '../record/summary.js';
import { evidenceOf, storyOf } from './explanation.js';
import { LiveLine } from './live-line.js';
import { createPaint, isTerminal, wantsColor, type Paint } from './paint.js';
import { Progress } from './progress.js';
import type { ReportContext, Reporter } from './reporter.js';
import { renderSummary } from './terminal-summary.js';
import { countOf, printableLine } from './words.js';

const plainEveryMs = 10_000;
const plainParts = 10;
const mostRawLines = 20;

/**
 * The run as text: failures as they come, a live line on a terminal and plain progress lines elsewhere (every 10 s or every
 * tenth of the run), then the picture. A cell that is skipped says so at the end only, under its reason.
 */
export class TerminalReporter implements Reporter {
  private readonly progress = new Progress();
  private readonly paint: Paint;
  private readonly line: LiveLine | undefined;
  private saidMs = 0;
  private saidParts = 0;

  /** @param files report files to name at the end, as the user can open them. */
  constructor(
    private readonly context: ReportContext,
    private readonly files: readonly string[] = [],
  ) {
    this.paint = createPaint(wantsColor(context));
    if (context.live && isTerminal(context)) this.line = new LiveLine(context.output, () => this.compose());
  }

  onEvent(event: RecordEvent): void {
    this.progress.onEvent(event);
    if (event.event === 'run-started') {
      const builds = event.builds.map(buildWords).join(', ');
      const shard = event.shard === undefined ? '' : `, shard ${event.shard}`;
      const jobs = countOf(event.jobs, 'job');
      this.say([
        printableLine(
          `godwit ${event.godwit}: ${countOf(event.cells.length, 'cell')}, ${jobs}, seed ${event.seed}${shard}`,
        ),
        ...(builds === '' ? [] : [printableLine(`builds: ${builds}`)]),
      ]);
    } else if (event.event === 'plan-extended') {
      if (event.builds.length > 0) this.say([printableLine(`builds: ${event.builds.map(buildWords).join(', ')}`)]);
    } else if (event.event === 'cell-finished') {
      const lines = this.wordsOf(event);
      if (lines.length > 0) this.say(lines);
      if (this.context.live && !this.line) this.sayProgress();
    }
    if (event.event !== 'run-finished') this.line?.refresh();
  }

  close(summary: RunSummary): void {
    const { paint, files } = this;
    const { output, folder } = this.context;
    this.say(['', ...renderSummary(summary, { columns: output.columns ?? 100, paint, files, folder })]);
  }

  private say(lines: readonly string[]): void {
    if (this.line) this.line.above(lines);
    else this.context.output.write(`${lines.join('\n')}\n`);
  }

  private compose(): string {
    const { done, total, facts, running } = this.progress;
    const [first] = running;
    const others = running.size > 1 ? ` and ${running.size - 1} more` : '';
    return [`${done} of ${total}`, ...facts, ...(first === undefined ? [] : [`now ${first}${others}`])].join(' · ');
  }

  private sayProgress(): void {
    const { done, total, elapsedMs, facts } = this.progress;
    const parts = Math.floor((done * plainParts) / total);
    if (parts <= this.saidParts && elapsedMs - this.saidMs < plainEveryMs) return;
    this.saidParts = parts;
    this.saidMs = elapsedMs;
    this.say([`${done} of ${countOf(total, 'cell')}: ${facts.join(', ')}`]);
  }

  private wordsOf({ cell, attempt, retried, result }: CellFinished): string[] {
    const { verdict } = result;
    if (verdict === 'passed' || verdict === 'skipped') return [];
    const again = retried ? ` (attempt ${attempt}, tried again)` : '';
    const head = `${this.paint.verdict(verdict, verdict.padEnd(7))} ${printableLine(cell)}${again}`;
    if (!retried && (verdict === 'failed' || verdict === 'broken')) return [head, ...this.detailsOf(result)];
    const issue = result.knownIssue === undefined ? '' : `known issue ${result.knownIssue}: `;
    const [why = result.reason] = evidenceOf(result).diagnosis;
    return [`${head}: ${printableLine(`${issue}${why}`)}`];
  }

  private detailsOf(result: CellResult): string[] {
    const evidence = evidenceOf(result);
    const { raw } = evidence;
    const lines = storyOf(evidence, result.reason).map((said) => `        ${printableLine(said)}`);
    for (const line of raw.slice(0, mostRawLines)) lines.push(this.paint.dim(`          | ${printableLine(line)}`));
    if (raw.length > mostRawLines) lines.push(`          | … and ${countOf(raw.length - mostRawLines, 'more line')}`);
    if (result.folder !== undefined)
      lines.push(`        see ${printableLine(join(this.context.folder, result.folder))}`);
    return lines;
  }
}

function buildWords(build: BuildSummary): string {
  return `${build.name} is QEMU ${build.version}${build.package === '' ? '' : ` (${build.package})`}`;
}
