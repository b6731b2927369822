import type { Finding, Side } from '../record/outcome.js';
import { chainOf } from './chain.js';
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
]);

/** Kinds from the most to the least telling; those not named here come between. */
const mostTelling: ErrorLine['kind'][] = ['assertion', 'config-mismatch', 'device-error', 'option-error'];
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
  const findings = told.map((line) => findingOf(line, { side, lines, topology }));
  return uniqueFindings(findings).sort((a, b) => rankOf(a.kind) - rankOf(b.kind));
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

function findingOf(
  line: ErrorLine,
  around: { side: Side; lines: ErrorLine[]; topology: TopologyView | undefined },
): Finding {
  const { section, path } = chainOf(line, around.lines);
  const device = section === undefined ? undefined : nameDevice(section, around.topology);
  const id = device?.id ?? (line.kind === 'device-error' ? line.id : undefined);
  const finding: Finding = {
    kind: line.kind,
    side: around.side,
    line: line.line,
    ...describe(line, { section, device, lines: around.lines }),
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

function uniqueFindings(findings: Finding[]): Finding[] {
  const bySummary = new Map<string, Finding>();
  for (const finding of findings) {
    const key = `${finding.kind} ${finding.summary}`;
    if (!bySummary.has(key)) bySummary.set(key, finding);
  }
  return [...bySummary.values()];
}
