import type { Machine } from '../machine/machine.js';
import type { Finding, OutcomeRecord } from '../record/outcome.js';
import { readCapture } from '../stream/capture.js';
import { type OrderViolation, orderViolations } from '../stream/compare/order.js';
import { loadEvents, traceViolations, unfinishedLoads } from '../stream/compare/trace-order.js';
import { readStreamFile } from '../stream/input.js';
import type { Scenario } from './definition.js';

/** The trace events that the QEMUs of a scenario's cells write down; undefined where there are none. */
export function tracedEvents({ trace = [], loadOrder }: Pick<Scenario, 'trace' | 'loadOrder'>): string[] | undefined {
  const events = [...trace, ...(loadOrder ? loadEvents : [])];
  return events.length === 0 ? undefined : events;
}

/**
 * What was loaded before something that it needs, as the stream has it and as the destination traced it: one finding for each thing that came
 * too early in each of the two, and one for a load that has begun and not ended. The stream is the copy of the main channel that a relay kept, where there is one.
 */
export function orderFindings({ channels }: OutcomeRecord, destination: Machine): Finding[] {
  const trace = destination.trace();
  const copy = channels?.[0]?.file;
  const inStream = copy === undefined ? [] : orderViolations(readStreamFile(copy, readCapture));
  return [
    ...inStream.map((violation) => findingOf(violation, 'in the stream')),
    ...traceViolations(trace).map((violation) => findingOf(violation, "in the destination's trace")),
    ...unfinishedLoads(trace).map(({ host, last }): Finding => {
      const summary = `The thread that loads the state of the VFIO device ${host} has not come to its end; the last event of it: ${last}`;
      return { kind: 'load-unfinished', side: 'destination', summary, fields: { host, last } };
    }),
  ];
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
