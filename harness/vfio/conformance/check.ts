import type { Bench } from './bench.js';
import type { Finding } from './finding.js';

/** One thing that a server must do. */
export interface Check {
  /** Unique, and the name of its case in a report: "MSI-X: 2 bytes at +3". */
  name: string;
  /** What is known of a server that passes, in one sentence. */
  proves: string;
  /** The specification that says so. */
  source: string;
  /** Finds what is wrong. What it throws is a finding as well, but Skipped. */
  run: (bench: Bench) => Promise<void>;
}

/** How a check went: with findings it failed. Notes are worth knowing and no fault. */
export interface CheckResult {
  name: string;
  proves: string;
  source: string;
  verdict: 'passed' | 'failed' | 'skipped';
  findings: Finding[];
  notes: string[];
  /** Why it was skipped. */
  reason?: string;
  durationMs: number;
}
