import type { RunSummary } from '../record/summary.js';
import { type Plan, RunSession, type SessionOptions } from './session.js';

export type RunOptions = SessionOptions & Plan;

/** Runs a plan to its end, records every event, and sums it up. Leaves no process and no temporary folder behind. */
export async function run({ builds, cells, ...options }: RunOptions): Promise<RunSummary> {
  await using session = RunSession.open(options, { builds, cells });
  await session.play({ builds, cells });
  return session.finish();
}
