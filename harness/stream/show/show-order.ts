import type { Capture } from '../capture.js';
import { loadOrder, orderRules, type OrderViolation } from '../compare/order.js';
import { sectionName } from '../section.js';

/** The load order of a capture for people, line by line, then each rule with what breaks it. */
export function* showOrder(capture: Capture, violations: readonly OrderViolation[]): Generator<string> {
  for (const step of loadOrder(capture)) yield `${String(step.offset).padStart(12)}  ${sectionName(step)}`;
  yield '';
  for (const rule of orderRules) {
    const broken = violations.filter((violation) => violation.rule === rule);
    if (broken.length === 0) yield `ok      ${rule.name}`;
    for (const { early, late } of broken)
      yield `BROKEN  ${rule.name}: ${early.name} is loaded before ${late.name}; ${rule.reason}`;
  }
}
