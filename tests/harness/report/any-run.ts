import fc from 'fast-check';
import type { CellResult, PlannedCell, RecordEvent } from '../../../harness/record/events.js';
import type { Finding } from '../../../harness/record/outcome.js';
import { verdicts } from '../../../harness/record/verdict.js';
import { at, result, slotOutcome } from './sample.js';

/** Text as a log can hold it: any 16-bit units, and what markup and terminals care about more often than chance would have it. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 6 }).map((units) => String.fromCharCode(...units)),
  fc
    .array(
      fc.constantFrom(
        '<',
        '>',
        '&',
        '"',
        "'",
        ']]>',
        '<!--',
        '--',
        '</script>',
        '\u001b[31m',
        '\0',
        '\n',
        '\t',
        '\r',
        '\ud800',
      ),
      {
        maxLength: 6,
      },
    )
    .map((parts) => parts.join('')),
);

const anyFinding: fc.Arbitrary<Finding> = fc.record({
  kind: fc.constantFrom('config-mismatch', 'undiagnosed'),
  side: fc.constantFrom('source', 'destination'),
  summary: anyText,
  line: anyText,
  fields: fc.constant({}),
  device: anyText,
});

const anyResult: fc.Arbitrary<CellResult> = fc
  .record({
    verdict: fc.constantFrom(...verdicts),
    reason: anyText,
    knownIssue: anyText,
    folder: anyText,
    findings: fc.array(anyFinding, { maxLength: 2 }),
    line: anyText,
  })
  .map(({ line, ...given }) => {
    const outcome = slotOutcome(line, line);
    return result({ ...given, outcomes: [{ ...outcome, destination: { errorLines: [line], signal: line } }] });
  });

const anyCell: fc.Arbitrary<PlannedCell> = fc.record(
  {
    id: anyText,
    scenario: anyText,
    file: anyText,
    route: fc.array(anyText, { maxLength: 3 }),
    machineType: anyText,
    options: fc.dictionary(anyText, anyText, { maxKeys: 2 }),
    skip: anyText,
  },
  { requiredKeys: ['id', 'scenario', 'file', 'route', 'machineType', 'options'] },
);

/** Any events in any order: planned cells that never start, cells that were not planned, several attempts and several ends. */
export const anyEvents: fc.Arbitrary<RecordEvent[]> = fc.array(anyCell, { maxLength: 5 }).chain((cells) => {
  const ids = fc.oneof(anyText, fc.constantFrom('unplanned', ...cells.map(({ id }) => id)));
  const started = anyText.map((name): RecordEvent => {
    const builds = [{ name, version: name, package: name, sha256: name }];
    return { event: 'run-started', version: 1, at: at(0), godwit: name, argv: [name], seed: 1, jobs: 1, builds, cells };
  });
  const finished = fc.tuple(ids, anyResult, fc.boolean()).map(([cell, of, retried]): RecordEvent => ({
    event: 'cell-finished',
    at: at(9),
    cell,
    attempt: 1,
    retried,
    result: of,
  }));
  const begun = ids.map((cell): RecordEvent => ({ event: 'cell-started', at: at(5), cell, attempt: 1, worker: 0 }));
  const ended = fc.boolean().map((interrupted): RecordEvent => ({
    event: 'run-finished',
    at: at(10),
    exitStatus: 0,
    interrupted,
    durationMs: 10,
  }));
  return fc.array(fc.oneof(started, begun, finished, finished, ended), { maxLength: 12 });
});
