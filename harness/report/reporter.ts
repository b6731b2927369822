import { messageOf } from '../core/errors.js';
import type { RecordEvent } from '../record/events.js';
import type { RunSummary } from '../record/summary.js';

/** A view of a run: it sees every event in order, then the summary once. It decides nothing, so a record replays through it. */
export interface Reporter {
  onEvent(event: RecordEvent): void;
  /** Called once, after the last event; files are whole when it returns. */
  close(summary: RunSummary): void | Promise<void>;
}

/** The part of a terminal or pipe that reporters write to: process.stdout has it. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Width in characters, asked at every draw. */
  readonly columns?: number;
}

/** What a reporter may use besides the events. */
export interface ReportContext {
  /** The output folder of the run, as the user wrote it; report files go into it and cell folders are relative to it. */
  folder: string;
  output: Output;
  env: Readonly<Record<string, string | undefined>>;
  /** True while the run goes on, false for a replay: a replay shows no progress. */
  live: boolean;
}

/**
 * Hands every event to several reporters. One that throws gets no further events and never disturbs the others or the run;
 * its error is thrown by `close`, after every other reporter is closed.
 */
export class Multiplexer implements Reporter {
  private readonly failures = new Map<Reporter, unknown>();

  constructor(private readonly reporters: readonly Reporter[]) {}

  onEvent(event: RecordEvent): void {
    for (const reporter of this.reporters) {
      if (this.failures.has(reporter)) continue;
      try {
        reporter.onEvent(event);
      } catch (thrown) {
        this.failures.set(reporter, thrown);
      }
    }
  }

  async close(summary: RunSummary): Promise<void> {
    for (const reporter of this.reporters) {
      if (this.failures.has(reporter)) continue;
      try {
        await reporter.close(summary);
      } catch (thrown) {
        this.failures.set(reporter, thrown);
      }
    }
    const failures = [...this.failures.values()];
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1)
      throw new AggregateError(failures, `reports failed: ${failures.map(messageOf).join('; ')}`);
  }
}
