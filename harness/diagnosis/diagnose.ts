import type { Finding, Side } from '../record/outcome.js';
import { type Chain, chainOf } from './chain.js';
import { explainMismatch } from './config-mismatch.js';
import { nameDevice, type NamedDevice, type TopologyView } from './device-name.js';
import { type ErrorLine, isHarmless, parseErrorLines } from './error-lines.js';
import { knownFixOf } from './known-fixes.js';
import { summarise } from './summary.js';
import { explainRefusedAccess } from './vfio-user.js';

export type { TopologyView } from './device-name.js';

/** Messages that lead to a cause, or follow from it: told only when there is no cause beside them. */
export const stepKinds: ReadonlySet<ErrorLine['kind']> = new Set<ErrorLine['kind']>([
  'vmstate-path',
  'vmstate-load',
  'post-load',
  'subsection',
  'section-device',
  'section-load',
  'section-footer',
  'load-failed',
  'load-step',
  'vfio-user-note',
  'crash-note',
]);

/** Kinds from the most to the least telling; those not named here come between. */
const mostTelling: ErrorLine['kind'][] = ['assertion', 'crash', 'config-mismatch', 'device-error', 'option-error'];
const leastTelling: ErrorLine['kind'][] = [
  'undiagnosed',
  'warning',
  'stream-cut',
  'sibling-error',
  'connection-lost',
  'save-failed',
  'save-step',
  'return-path',
  'load-step',
  'vfio-user-note',
  'crash-note',
  'section-device',
  'subsection',
  'post-load',
  'vmstate-path',
  'vmstate-load',
  'section-load',
  'section-footer',
  'load-failed',
];

/**
 * What one side's standard error and `error-desc` say, the most telling first. A message is told once; harmless lines are left
 * out, and so are the steps of a chain whose cause is known. A line that nobody has taught it is told as 'undiagnosed'.
 */
export function diagnose(side: Side, text: string, topology?: TopologyView): Finding[] {
  return diagnoseLines(side, parseErrorLines(text), topology);
}

/** The same of lines that have been read already. */
export function diagnoseLines(side: Side, all: readonly ErrorLine[], topology?: TopologyView): Finding[] {
  const lines = all.filter((line) => !isHarmless(line));
  const causes = lines.filter((line) => !stepKinds.has(line.kind) && !isConsequence(line));
  const told = causes.length > 0 ? lines.filter((line) => !stepKinds.has(line.kind)) : lines;
  return uniqueFindings(told, { side, lines, topology }).sort((a, b) => rankOf(a.kind) - rankOf(b.kind));
}

/** Messages that follow from a failure elsewhere. */
export const consequenceKinds: ReadonlySet<ErrorLine['kind']> = new Set<ErrorLine['kind']>([
  'connection-lost',
  'save-failed',
  'save-step',
  'sibling-error',
  'warning',
]);

function isConsequence({ kind }: ErrorLine): boolean {
  return consequenceKinds.has(kind);
}

interface Around {
  side: Side;
  lines: readonly ErrorLine[];
  topology: TopologyView | undefined;
}

function findingOf(line: ErrorLine, { section, path }: Chain, { side, lines, topology }: Around): Finding {
  const device = section === undefined ? undefined : nameDevice(section, topology);
  const id = device?.id ?? (line.kind === 'device-error' ? line.id : undefined);
  const finding: Finding = {
    kind: line.kind,
    side,
    line: line.line,
    ...describe(line, { section, device, lines }),
    ...(id !== undefined && { device: id }),
    ...(device?.commandLine !== undefined && { commandLine: device.commandLine }),
    ...(path.length > 0 && { path }),
  };
  const known = knownFixOf(finding);
  return known ? { ...finding, known } : finding;
}

function describe(
  line: ErrorLine,
  about: { section: string | undefined; device: NamedDevice | undefined; lines: readonly ErrorLine[] },
): Pick<Finding, 'summary' | 'fields' | 'why'> {
  const { section, device } = about;
  const fields: Finding['fields'] = { ...fieldsOf(line), ...(section !== undefined && { section }) };
  if (line.kind === 'vfio-user') return explainRefusedAccess(line, about.lines);
  if (line.kind !== 'config-mismatch') return { summary: summarise(line, device), fields };
  const explained = explainMismatch(line, device ?? { name: 'a PCI device that the log does not name' });
  if (explained.register !== undefined) fields['register'] = explained.register;
  if (explained.capability !== undefined) fields['capability'] = explained.capability;
  if (explained.bits.length > 0) fields['bits'] = explained.bits.join(' ');
  return { summary: explained.summary, fields, ...(explained.why !== undefined && { why: explained.why }) };
}

function fieldsOf(line: ErrorLine): Finding['fields'] {
  const fields: Finding['fields'] = {};
  for (const [name, value] of Object.entries(line)) {
    if (name === 'kind' || name === 'line' || name === 'meaning') continue;
    if (name === 'values') Object.assign(fields, value);
    else if (Array.isArray(value)) fields[name] = value.join('.');
    else if (typeof value === 'string' || typeof value === 'number') fields[name] = value;
  }
  return fields;
}

function rankOf(kind: string): number {
  const first = mostTelling.findIndex((known) => known === kind);
  if (first !== -1) return first;
  const last = leastTelling.findIndex((known) => known === kind);
  return last === -1 ? mostTelling.length : mostTelling.length + 1 + last;
}

/** One finding for all messages that say the same, with their number. */
function uniqueFindings(told: readonly ErrorLine[], around: Around): Finding[] {
  const places = new Map(around.lines.map((line, at) => [line, at]));
  const byMessage = new Map<string, Finding>();
  const bySummary = new Map<string, Finding>();
  for (const line of told) {
    const chain = chainOf(around.lines, places.get(line) ?? 0);
    const message = JSON.stringify([line, chain]);
    const finding = byMessage.get(message) ?? findingOf(line, chain, around);
    byMessage.set(message, finding);
    const key = `${finding.kind} ${finding.summary}`;
    const earlier = bySummary.get(key);
    if (earlier) earlier.times = (earlier.times ?? 1) + 1;
    else bySummary.set(key, finding);
  }
  return [...bySummary.values()];
}
