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
  /** True for one that shows now and then only: a cell in which it does not has passed, and is not called fixed. */
  intermittent?: boolean;
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

/** Throws UsageError naming a range that cannot be read, so that a wrong one is told before anything runs. */
export function checkKnownIssue(issue: KnownIssue): void {
  const ofTypes = issue.machineTypes.map((text) => text.split(' ').slice(1).join(' ')).filter((range) => range !== '');
  for (const range of [issue.builds.source, issue.builds.destination, ...ofTypes]) {
    if (range === undefined || semver.validRange(range) !== null) continue;
    throw new UsageError(
      `the known issue '${issue.name}' has '${range}', which is no range of versions; accepted: '<8.1', '>=6.0 <8.1'`,
    );
  }
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
  // Not test(), which remembers where it was in a global expression.
  return (
    finding.side === issue.side &&
    [finding.summary, finding.line ?? ''].some((text) => text.search(issue.evidence) >= 0)
  );
}

function inRange(version: string, range: string | undefined): boolean {
  if (range === undefined) return true;
  return semver.satisfies(semver.coerce(version) ?? version, range);
}

/** 'pc-q35 <=6.0' holds for pc-q35-5.2 and pc-q35-6.0; a family alone holds for all of it. */
function isMachineTypeIn(machineType: string, range: string): boolean {
  const [family = '', ...versions] = range.split(' ');
  if (machineType !== family && !machineType.startsWith(`${family}-`)) return false;
  const version = semver.coerce(machineType.slice(family.length + 1));
  return versions.length === 0 || (version !== null && inRange(version.version, versions.join(' ')));
}
