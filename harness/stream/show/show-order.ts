import type { Capture } from '../capture.js';
import { loadOrder, orderRules, orderViolations } from '../compare/order.js';

/** The load order of a capture for people, line by line, then each rule with what breaks it. */
export function* showOrder(capture: Capture): Generator<string> {
  for (const { name, instance, offset } of loadOrder(capture)) {
    yield `${String(offset).padStart(12)}  ${name}${instance === 0 ? '' : ` ${instance}`}`;
  }
  yield '';
  const violations = orderViolations(capture);
  for (const rule of orderRules) {
    const broken = violations.filter((violation) => violation.rule === rule);
    if (broken.length === 0) yield `ok      ${rule.name}`;
    for (const { early, late } of broken)
      yield `BROKEN  ${rule.name}: ${early.name} is loaded before ${late.name}; ${rule.reason}`;
  }
}
