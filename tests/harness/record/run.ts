import type { CellFinished, CellResult, PlannedCell, RunStarted } from '../../../harness/record/events.js';

/** A moment `ms` milliseconds into every test run. */
export function at(ms: number): string {
  return new Date(Date.UTC(2026, 10, 20, 12) + ms).toISOString();
}

/** A cell under that id. */
export function planned(id: string): PlannedCell {
  return { id, scenario: 's', file: 's.test.ts', route: ['x', 'y'], machineType: 'q35', options: {} };
}

/** A result of 10 ms that passed, with whatever else is given. */
export function result(given: Partial<CellResult> = {}): CellResult {
  const cost = { durationMs: 10, phasesMs: { spawn: 4, migration: 6 }, accel: 'tcg', rssBytes: 1 };
  return { verdict: 'passed', reason: '', findings: [], outcomes: [], ...cost, ...given };
}

/** The beginning of a run of these cells. */
export function started(cells: PlannedCell[], given: Partial<RunStarted> = {}): RunStarted {
  const run = { version: 1, at: at(0), godwit: '0.1.0', argv: ['run'], seed: 7, jobs: 2, builds: [] };
  return { event: 'run-started', ...run, cells, ...given };
}

/** The end of an attempt, the first and only one unless given. */
export function finished(cell: string, of: CellResult, given: Partial<CellFinished> = {}): CellFinished {
  return { event: 'cell-finished', at: at(10), cell, attempt: 1, retried: false, result: of, ...given };
}
