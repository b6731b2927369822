import { AssertionError, expect as chaiExpect, use } from 'chai';
import { describeOutcome, type Outcome } from '../migration/outcome.js';
import type { Finding, Side } from '../record/outcome.js';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- chai's types are extended through its namespace
  namespace Chai {
    interface Assertion {
      /** Both sides say so, both live, and the guest sees no difference. */
      completed: Assertion;
      /** Neither side printed an error line. */
      cleanLogs: Assertion;
      /** What the guest sees in configuration space is what it saw before. */
      configSpace: Assertion;
      /** Reads on to `configSpace`. */
      preserve: Assertion;
      /** The destination refused the stream, or the source refused to send it; `log` reads on from that side. */
      failedOn(side: Side): Assertion;
      /** A log line of the side named before matches, or the summary of one of its findings. */
      log(pattern: RegExp): Assertion;
      /** A finding of the side named before has this kind and these fields. */
      finding(kind: string, fields?: Record<string, string | number>): Assertion;
    }
  }
}

const sideFlag = 'godwit side';

/** What an expectation found: whether it holds, and both sentences that can be told of it. */
interface Told {
  holds: boolean;
  expected: string;
  unexpected: string;
  wanted?: unknown;
  found?: unknown;
}

type Sides = readonly Side[];

function toldOfCompleted(outcome: Outcome): Told {
  const told = describeOutcome(outcome);
  return {
    holds: outcome.class === 'completed',
    expected: `expected the migration to complete: ${told}`,
    unexpected: `expected the migration not to complete: ${told}`,
    wanted: 'completed',
    found: outcome.class,
  };
}

function toldOfCleanLogs(outcome: Outcome, sides: Sides): Told {
  const lines = sides.flatMap((side) => outcome[side].errorLines.map((line) => `${side}: ${line}`));
  return {
    holds: lines.length === 0,
    expected: `expected clean logs, and there is: ${lines.join(' | ')}`,
    unexpected: 'expected an error line in a log, and there is none',
    wanted: [],
    found: lines,
  };
}

function toldOfConfigSpace(outcome: Outcome): Told {
  const told = outcome.findings.filter(({ kind }) => kind === 'config-difference').map(({ summary }) => summary);
  const isSame = outcome.differences.every(({ area = 'config-space' }) => area !== 'config-space');
  const { before, after } = outcome.configSpace;
  const side = after === undefined ? 'destination' : 'source';
  const unread = `configuration space could not be read on the ${side}: ${describeOutcome(outcome)}`;
  return {
    holds: isSame && before !== undefined && after !== undefined,
    expected: told.length > 0 ? `expected configuration space to be preserved: ${told.join('; ')}` : unread,
    unexpected: 'expected configuration space to change, and it did not',
    wanted: [],
    found: told,
  };
}

function toldOfFailure(outcome: Outcome, side: Side): Told {
  const wanted = side === 'destination' ? 'load-failure' : 'refused';
  return {
    holds: outcome.class === wanted,
    expected: `expected the migration to fail on the ${side}: ${describeOutcome(outcome)}`,
    unexpected: `expected the migration not to fail on the ${side}: ${describeOutcome(outcome)}`,
    wanted,
    found: outcome.class,
  };
}

function toldOfLog(outcome: Outcome, sides: Sides, pattern: RegExp): Told {
  const summaries = outcome.findings.filter(({ side }) => sides.includes(side)).map(({ summary }) => summary);
  const seen = [...sides.flatMap((side) => outcome[side].errorLines), ...summaries];
  return {
    holds: seen.some((line) => line.search(pattern) >= 0),
    expected: `expected a log line to match ${String(pattern)}; there is: ${seen.join(' | ') || 'none'}`,
    unexpected: `expected no log line to match ${String(pattern)}; there is: ${seen.join(' | ')}`,
    wanted: pattern,
    found: seen,
  };
}

interface WantedFinding {
  kind: string;
  fields: Record<string, string | number>;
}

function toldOfFinding(outcome: Outcome, sides: Sides, { kind, fields }: WantedFinding): Told {
  const found = outcome.findings.filter(({ side }) => sides.includes(side));
  const matches = (finding: Finding): boolean =>
    finding.kind === kind && Object.entries(fields).every(([name, value]) => finding.fields[name] === value);
  const told = found.map((finding) => `${finding.kind} ${JSON.stringify(finding.fields)}`).join(' | ') || 'none';
  const wanted = `${kind} ${JSON.stringify(fields)}`;
  return {
    holds: found.some(matches),
    expected: `expected a finding ${wanted}; there is: ${told}`,
    unexpected: `expected no finding ${wanted}; there is: ${told}`,
    wanted: fields,
    found: told,
  };
}

use(({ Assertion: Base }, utils) => {
  const outcomeOf = (assertion: Chai.AssertionStatic): Outcome => {
    const value: unknown = utils.flag(assertion, 'object');
    if (isOutcome(value)) return value;
    throw new TypeError('expect() was not given the outcome of a migration');
  };
  const sidesOf = (assertion: Chai.AssertionStatic): Sides => {
    const named = utils.flag(assertion, sideFlag) as Side | undefined;
    return named ? [named] : ['source', 'destination'];
  };
  const judge = (assertion: Chai.AssertionStatic, told: Told): void => {
    assertion.assert(told.holds, told.expected, told.unexpected, told.wanted, told.found);
  };

  Base.addProperty('preserve', function () {
    outcomeOf(this);
  });
  Base.addProperty('completed', function () {
    judge(this, toldOfCompleted(outcomeOf(this)));
  });
  Base.addProperty('cleanLogs', function () {
    judge(this, toldOfCleanLogs(outcomeOf(this), sidesOf(this)));
  });
  Base.addProperty('configSpace', function () {
    judge(this, toldOfConfigSpace(outcomeOf(this)));
  });
  Base.addMethod('failedOn', function (side: Side) {
    judge(this, toldOfFailure(outcomeOf(this), side));
    utils.flag(this, sideFlag, side);
  });
  Base.addMethod('log', function (pattern: RegExp) {
    judge(this, toldOfLog(outcomeOf(this), sidesOf(this), pattern));
  });
  Base.addMethod('finding', function (kind: string, fields: Record<string, string | number> = {}) {
    judge(this, toldOfFinding(outcomeOf(this), sidesOf(this), { kind, fields }));
  });
});

function isOutcome(value: unknown): value is Outcome {
  return (
    typeof value === 'object' && value !== null && 'class' in value && 'findings' in value && 'configSpace' in value
  );
}

/** chai's expect, with what can be said of an outcome: `expect(outcome).to.be.completed`, `.to.preserve.configSpace`, … */
export const expect = chaiExpect;

/** True for an expectation that did not hold: QEMU did something else than the scenario says. */
export function isUnmetExpectation(thrown: unknown): thrown is Error {
  return thrown instanceof AssertionError;
}
