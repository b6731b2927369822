import type { Machine } from '../machine/machine.js';
import { hasArrived } from '../migration/outcome.js';
import type { Finding, OutcomeRecord } from '../record/outcome.js';
import { readCapture } from '../stream/capture.js';
import { type OrderViolation, orderViolations } from '../stream/compare/order.js';
import { loadEvents, traceViolations, type UnfinishedLoad, unfinishedLoads } from '../stream/compare/trace-order.js';
import { readStreamFile } from '../stream/input.js';
import type { Scenario } from './definition.js';

/** The trace events that the QEMUs of a scenario's cells write down; undefined where there are none. */
export function tracedEvents({ trace = [], loadOrder }: Pick<Scenario, 'trace' | 'loadOrder'>): string[] | undefined {
  const events = [...trace, ...(loadOrder ? loadEvents : [])];
  return events.length === 0 ? undefined : events;
}

/**
 * Adds to the findings of a migration what its trace and its stream say of the order in which the destination loaded: one finding for each thing that
 * came too early in each of the two, where the guest has arrived and no error was told, for any other failure has findings of its own; and
 * where it hung, one for each load that has begun and not ended. The stream is the copy of the main channel that a relay kept, where there is one.
 * Throws StreamError where that cannot be read; what the trace says is among the findings by then.
 */
export function addOrderFindings(outcome: OutcomeRecord, destination: Pick<Machine, 'trace'>): void {
  const { findings, channels } = outcome;
  // A destination that ended left its threads where they were, which is no fault of theirs.
  if (outcome.class === 'hang') findings.push(...unfinishedLoads(destination.trace()).map(findingOfUnfinished));
  if (!hasArrived(outcome) || outcome.destination.errorLines.length > 0) return;
  const inTrace = traceViolations(destination.trace());
  findings.push(...inTrace.map((violation) => findingOf(violation, "in the destination's trace")));
  const copy = channels?.[0]?.file;
  const inStream = copy === undefined ? [] : orderViolations(readStreamFile(copy, readCapture));
  findings.push(...inStream.map((violation) => findingOf(violation, 'in the stream')));
}

function findingOfUnfinished({ host, last }: UnfinishedLoad): Finding {
  const summary = `The thread that loads the state of the VFIO device ${host} has not come to its end; the last event of it: ${last}`;
  return { kind: 'load-unfinished', side: 'destination', summary, fields: { host, last } };
}

function findingOf({ rule, early, late }: OrderViolation, where: string): Finding {
  return {
    kind: 'load-order',
    side: 'destination',
    summary: `${early.name} is loaded before ${late.name} ${where}, against the rule "${rule.name}"`,
    why: rule.reason,
    fields: { rule: rule.name, early: early.name, late: late.name },
  };
}
