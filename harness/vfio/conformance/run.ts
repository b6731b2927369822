import { messageOf } from '../../core/errors.js';
import { within } from '../../core/within.js';
import { Bench, ServerGone } from './bench.js';
import { capabilityChecks } from './capabilities.js';
import type { Check, CheckResult } from './check.js';
import { Skipped } from './finding.js';
import { malformedChecks } from './malformed.js';
import { migrationChecks } from './migration.js';
import { msixChecks } from './msix.js';
import { regionChecks } from './regions.js';
import { setUpChecks } from './set-up.js';
import { versionChecks } from './version.js';

/** All checks, in the order in which they are made: what may end a server comes last. */
const checks: readonly Check[] = [
  ...versionChecks.slice(0, 1),
  ...regionChecks,
  ...capabilityChecks,
  ...msixChecks,
  ...setUpChecks,
  ...migrationChecks,
  ...versionChecks.slice(1),
  ...malformedChecks,
];

/** How many answers that take all the time they may are enough for one check: a server that drips is not waited for. */
const slowAnswers = 10;

export interface ConformanceOptions {
  /** Milliseconds that the server may take for each answer. */
  timeoutMs: number;
  /** The socket of a second server, to which the device's state is migrated. */
  to?: string;
}

/**
 * Makes every check of a server that listens on a unix socket, one after the other, and yields how each went. Throws ConnectError at the
 * start where nobody listens, and nothing for what a server does. Once nobody can connect any more,
 * or a check takes ten times as long as one answer may, all that is left is skipped.
 */
export async function* checkServer(path: string, options: ConformanceOptions): AsyncGenerator<CheckResult> {
  await using bench = new Bench(path, options);
  await bench.connect();
  let gone: string | undefined;
  for (const check of checks) {
    const { name, proves, source } = check;
    if (gone !== undefined) {
      yield { name, proves, source, verdict: 'skipped', findings: [], notes: [], reason: gone, durationMs: 0 };
      continue;
    }
    const startedMs = performance.now();
    bench.next();
    let reason: string | undefined;
    try {
      const run = check.run(bench);
      if (!(await within(run, slowAnswers * options.timeoutMs))) {
        gone = `the server is too slow: a check was not over after ${slowAnswers * options.timeoutMs} ms`;
        bench.find(gone);
        await bench.release();
        await run.catch(() => undefined);
      }
    } catch (thrown) {
      if (thrown instanceof Skipped) reason = thrown.message;
      else bench.find(messageOf(thrown));
      if (thrown instanceof ServerGone) gone = thrown.message;
    }
    const findings = [...bench.findings];
    const verdict = findings.length > 0 ? 'failed' : reason === undefined ? 'passed' : 'skipped';
    const durationMs = performance.now() - startedMs;
    const told = { findings, notes: [...bench.notes], durationMs };
    yield { name, proves, source, verdict, ...told, ...(verdict === 'skipped' && reason !== undefined && { reason }) };
  }
}
