import type { RecordEvent } from '../record/events.js';
import { countVerdicts, type Verdict, type VerdictCounts } from '../record/verdict.js';
import { countsWords, secondsWords, rateWords } from './words.js';

/** Where a run stands, from its events alone: their own times are the clock. */
export class Progress {
  total = 0;
  done = 0;
  readonly counts: VerdictCounts = countVerdicts([]);
  /** Ids of the cells that run now, the longest-running first. */
  readonly running = new Set<string>();
  private readonly failedBefore = new Set<string>();
  private skipped = 0;
  private startedMs = 0;
  private nowMs = 0;

  onEvent(event: RecordEvent): void {
    this.nowMs = Date.parse(event.at);
    if (event.event === 'run-started') {
      this.total = event.cells.length;
      this.startedMs = this.nowMs;
    } else if (event.event === 'plan-extended') {
      this.total += event.cells.length + event.again.length;
    } else if (event.event === 'cell-started') {
      this.running.add(event.cell);
    } else if (event.event === 'cell-finished') {
      this.running.delete(event.cell);
      const { verdict } = event.result;
      if (!event.retried) this.count(verdict === 'passed' && this.failedBefore.has(event.cell) ? 'flaky' : verdict);
      else if (verdict === 'failed') this.failedBefore.add(event.cell);
    }
  }

  /** Since the start of the run, by the events. */
  get elapsedMs(): number {
    return Math.max(0, this.nowMs - this.startedMs);
  }

  /** "118 passed, 2 known, 0 failed", "25.1 cells/s", "8 s left": whichever can be said. */
  get facts(): string[] {
    const ran = this.done - this.skipped;
    const counts = countsWords(this.counts)
      .filter(({ verdict }) => this.counts[verdict] > 0)
      .map(({ words }) => words)
      .join(', ');
    const rate = rateWords(ran, this.elapsedMs);
    const leftMs = (this.elapsedMs / ran) * (this.total - this.done);
    const left = rate && leftMs > 0 ? `about ${secondsWords(leftMs)} left` : undefined;
    return [counts, rate, left].filter((fact) => fact !== undefined && fact !== '') as string[];
  }

  private count(verdict: Verdict): void {
    this.done += 1;
    this.counts[verdict] += 1;
    if (verdict === 'skipped') this.skipped += 1;
  }
}
