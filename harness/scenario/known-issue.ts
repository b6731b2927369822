import semver from 'semver';
import { UsageError } from '../core/errors.js';
import type { Build } from '../build/build.js';
import type { Finding, Side } from '../record/outcome.js';

/** A failure that is expected, because QEMU is known to have the bug. */
export interface KnownIssue {
  /** Short name, the same in every report. */
  name: string;
  /** Where it is described: a bug tracker, a mailing list, a commit. */
  source: string;
  /** QEMU versions that have it, by their place on the route, as ranges: { destination: '<8.1' }. */
  builds: { source?: string; destination?: string };
  /** Machine types that have it, as families with ranges: ['pc-q35 <=6.0']. */
  machineTypes: readonly string[];
  /** Values of the scenario's options that show it; every cell does where nothing is said. */
  options?: Readonly<Record<string, readonly string[]>>;
  /** The side whose findings show it. */
  side: Side;
  /** Matches a log line of that side, or the summary of a finding: this failure and no other. */
  evidence: RegExp;
}

/** What decides whether an issue is expected: one hop of a cell. */
export interface KnownIssueHop {
  source: Build;
  destination: Build;
  machineType: string;
  options: Readonly<Record<string, string>>;
}

/** True when the issue is expected on this hop. */
export function applies(issue: KnownIssue, hop: KnownIssueHop): boolean {
  return (
    inRange(hop.source.version.text, issue.builds.source) &&
    inRange(hop.destination.version.text, issue.builds.destination) &&
    issue.machineTypes.some((range) => isMachineTypeIn(hop.machineType, range)) &&
    Object.entries(issue.options ?? {}).every(([name, values]) => values.includes(hop.options[name] ?? ''))
  );
}

/** True when a finding is this issue and no other failure. */
export function matches(issue: KnownIssue, finding: Finding): boolean {
  return (
    finding.side === issue.side && (issue.evidence.test(finding.summary) || issue.evidence.test(finding.line ?? ''))
  );
}

function inRange(version: string, range: string | undefined): boolean {
  if (range === undefined) return true;
  const parsed = semver.validRange(range);
  if (parsed === null) throw new UsageError(`'${range}' is no range of QEMU versions; accepted: '<8.1', '>=6.0 <8.1'`);
  return semver.satisfies(semver.coerce(version) ?? version, parsed);
}

/** 'pc-q35 <=6.0' holds for pc-q35-5.2 and pc-q35-6.0; a family alone holds for all of it. */
function isMachineTypeIn(machineType: string, range: string): boolean {
  const [family = '', ...versions] = range.split(' ');
  if (machineType !== family && !machineType.startsWith(`${family}-`)) return false;
  const version = semver.coerce(machineType.slice(family.length + 1));
  return versions.length === 0 || (version !== null && inRange(version.version, versions.join(' ')));
}
