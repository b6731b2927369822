import { AssertionError, expect as chaiExpect, use } from 'chai';
import { describeOutcome, type Outcome } from '../migration/outcome.js';
import type { Side } from '../record/outcome.js';

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

use(({ Assertion: Base }, utils) => {
  const outcomeOf = (assertion: Chai.AssertionStatic): Outcome => {
    const value: unknown = utils.flag(assertion, 'object');
    if (isOutcome(value)) return value;
    throw new TypeError('expect() was not given the outcome of a migration');
  };
  const sidesOf = (assertion: Chai.AssertionStatic): Side[] => {
    const named = utils.flag(assertion, sideFlag) as Side | undefined;
    return named ? [named] : ['source', 'destination'];
  };

  Base.addProperty('preserve', function () {
    outcomeOf(this);
  });
  Base.addProperty('completed', function () {
    const outcome = outcomeOf(this);
    const told = describeOutcome(outcome);
    this.assert(
      outcome.class === 'completed',
      `expected the migration to complete: ${told}`,
      `expected the migration not to complete: ${told}`,
      'completed',
      outcome.class,
    );
  });
  Base.addProperty('cleanLogs', function () {
    const outcome = outcomeOf(this);
    const lines = sidesOf(this).flatMap((side) => outcome[side].errorLines.map((line) => `${side}: ${line}`));
    this.assert(
      lines.length === 0,
      `expected clean logs, and there is: ${lines.join(' | ')}`,
      'expected an error line in a log, and there is none',
      [],
      lines,
    );
  });
  Base.addProperty('configSpace', function () {
    const outcome = outcomeOf(this);
    const told = outcome.findings.filter(({ kind }) => kind === 'config-difference').map(({ summary }) => summary);
    this.assert(
      outcome.differences.length === 0 && outcome.configSpace.after !== undefined,
      told.length > 0
        ? `expected configuration space to be preserved: ${told.join('; ')}`
        : `configuration space could not be read on the destination: ${describeOutcome(outcome)}`,
      'expected configuration space to change, and it did not',
      [],
      told,
    );
  });
  Base.addMethod('failedOn', function (side: Side) {
    const outcome = outcomeOf(this);
    const failed = side === 'destination' ? outcome.class === 'load-failure' : outcome.class === 'refused';
    this.assert(
      failed,
      `expected the migration to fail on the ${side}: ${describeOutcome(outcome)}`,
      `expected the migration not to fail on the ${side}`,
      side,
      outcome.class,
    );
    utils.flag(this, sideFlag, side);
  });
  Base.addMethod('log', function (pattern: RegExp) {
    const outcome = outcomeOf(this);
    const seen = sidesOf(this).flatMap((side) => [
      ...outcome[side].errorLines,
      ...outcome.findings.filter((finding) => finding.side === side).map(({ summary }) => summary),
    ]);
    this.assert(
      seen.some((line) => pattern.test(line)),
      `expected a log line to match ${String(pattern)}; there is: ${seen.join(' | ') || 'none'}`,
      `expected no log line to match ${String(pattern)}`,
      pattern,
      seen,
    );
  });
  Base.addMethod('finding', function (kind: string, fields: Record<string, string | number> = {}) {
    const outcome = outcomeOf(this);
    const sides = sidesOf(this);
    const found = outcome.findings.filter((finding) => sides.includes(finding.side));
    const has = found.some(
      (finding) =>
        finding.kind === kind && Object.entries(fields).every(([name, value]) => finding.fields[name] === value),
    );
    const told = found.map((finding) => `${finding.kind} ${JSON.stringify(finding.fields)}`).join(' | ') || 'none';
    this.assert(
      has,
      `expected a finding ${kind} ${JSON.stringify(fields)}; there is: ${told}`,
      `expected no finding ${kind} ${JSON.stringify(fields)}`,
      fields,
      told,
    );
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
