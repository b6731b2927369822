import { Command } from 'commander';
import { ConnectError, UsageError } from '../core/errors.js';
import { writeReport } from '../report/report-file.js';
import type { CheckResult } from '../vfio/conformance/check.js';
import { checkServer, type ConformanceOptions } from '../vfio/conformance/run.js';
import { renderConformance, showConformance } from './vfio-user-report.js';

/** Seconds for one answer that a timer can wait, with room for their sum. */
const mostSeconds = 86_400;

interface CheckWords {
  to?: string;
  json?: true;
  junit?: string;
  timeout: string;
}

/** `godwit vfio-user`: looks at device servers that speak vfio-user, without a QEMU. */
export function vfioUserCommand(): Command {
  return new Command('vfio-user')
    .description('device servers that speak vfio-user')
    .addCommand(
      new Command('check')
        .description(
          'what a server does with every message that a client may send, and may not; exit 1 when it does wrong',
        )
        .argument('<socket>', 'the unix socket that the server listens on')
        .option('--to <socket>', "a second server of the same device, to which the device's state is migrated")
        .option('--json', 'as JSON')
        .option('--junit <file>', 'also as JUnit, into this file')
        .option('--timeout <seconds>', 'how long the server may take for one answer', '5')
        .action(check),
    );
}

async function check(socket: string, words: CheckWords): Promise<void> {
  const timeoutMs = millisecondsOf(words.timeout);
  const results = await resultsOf(socket, { timeoutMs, ...(words.to !== undefined && { to: words.to }) });
  if (words.junit !== undefined) await writeReport(words.junit, renderConformance(socket, results));
  const text = words.json ? [JSON.stringify({ socket, checks: results }, null, 2)] : showConformance(socket, results);
  process.stdout.write(`${[...text].join('\n')}\n`);
  if (results.some(({ verdict }) => verdict === 'failed')) process.exitCode = 1;
}

/** All checks. Throws UsageError where nobody listens: a typing error is no finding. */
async function resultsOf(socket: string, options: ConformanceOptions): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  try {
    for await (const result of checkServer(socket, options)) results.push(result);
  } catch (thrown) {
    if (!(thrown instanceof ConnectError)) throw thrown;
    throw new UsageError(`no vfio-user server: ${thrown.message}`, { cause: thrown });
  }
  return results;
}

function millisecondsOf(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds > 0 && seconds <= mostSeconds) return seconds * 1000;
  throw new UsageError(`--timeout ${text} is no number of seconds above 0 and up to ${mostSeconds}`);
}
