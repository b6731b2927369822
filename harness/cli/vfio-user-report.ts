import { attributes, escapeText } from '../report/markup.js';
import { countOf, printableLine } from '../report/words.js';
import type { CheckResult } from '../vfio/conformance/check.js';

/**
 * How the checks of one server went, in lines for a terminal: a line for each, below it what was found, at the end the sum.
 * Where the last ones were all skipped for one reason, they are one line: nobody was there any more.
 */
export function* showConformance(socket: string, results: readonly CheckResult[]): Generator<string> {
  yield `vfio-user server at ${printableLine(socket)}`;
  const left = skippedAtTheEnd(results);
  for (const { verdict, name, reason, notes, findings, proves, source } of results.slice(0, results.length - left)) {
    yield `  ${verdict.padEnd(7)}  ${name}${reason === undefined ? '' : `: ${printableLine(reason)}`}`;
    for (const note of notes) yield `           note: ${printableLine(note)}`;
    for (const { message, exchange } of findings) {
      yield `           ${printableLine(message)}`;
      for (const line of exchange) yield `             ${line}`;
    }
    if (findings.length > 0) yield `           ${proves} Source: ${source}.`;
  }
  if (left > 0) {
    const reason = results.at(-1)?.reason ?? '';
    yield `  skipped  what was left, ${countOf(left, 'check')}: ${printableLine(reason)}`;
  }
  const sum = (['passed', 'failed', 'skipped'] as const).map((verdict) => `${countIn(results, verdict)} ${verdict}`);
  yield `${countOf(results.length, 'check')}: ${sum.join(', ')}`;
}

/** The same as a JUnit report: one suite, a case for each check, all that was found in one failure. */
export function* renderConformance(socket: string, results: readonly CheckResult[]): Generator<string> {
  const totals = {
    tests: results.length,
    failures: countIn(results, 'failed'),
    errors: 0,
    skipped: countIn(results, 'skipped'),
    time: seconds(results.reduce((sum, { durationMs }) => sum + durationMs, 0)),
  };
  yield '<?xml version="1.0" encoding="UTF-8"?>\n';
  yield `<testsuites${attributes({ name: 'godwit', ...totals })}>\n`;
  yield `  <testsuite${attributes({ name: `vfio-user check ${socket}`, ...totals })}>\n`;
  for (const result of results) yield renderCase(result);
  yield '  </testsuite>\n</testsuites>\n';
}

function renderCase({ name, verdict, findings, reason = '', durationMs }: CheckResult): string {
  const head = attributes({ name, classname: 'vfio-user', time: seconds(durationMs) });
  if (verdict === 'passed') return `    <testcase${head}/>\n`;
  if (verdict === 'skipped') {
    return `    <testcase${head}>\n      <skipped${attributes({ message: reason })}/>\n    </testcase>\n`;
  }
  const lines = findings.flatMap(({ message, exchange }) => [message, ...exchange]);
  const failure = attributes({ type: 'conformance', message: findings[0]?.message ?? '' });
  const body = lines.map((line) => escapeText(line)).join('\n');
  return `    <testcase${head}>\n      <failure${failure}>${body}</failure>\n    </testcase>\n`;
}

/** How many of the last results were skipped for the same reason; 0 for one alone, which says it by its own name. */
function skippedAtTheEnd(results: readonly CheckResult[]): number {
  const last = results.at(-1);
  if (last?.verdict !== 'skipped') return 0;
  const others = results.findLastIndex(({ verdict, reason }) => verdict !== 'skipped' || reason !== last.reason);
  const count = results.length - 1 - others;
  return count > 1 ? count : 0;
}

function countIn(results: readonly CheckResult[], wanted: CheckResult['verdict']): number {
  return results.filter(({ verdict }) => verdict === wanted).length;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}
