import type { CellResult } from '../record/events.js';
import type { Finding, Side, SideOutcome } from '../record/outcome.js';
import type { CellSummary, RunSummary } from '../record/summary.js';
import { verdicts, type Verdict } from '../record/verdict.js';

/** What explains a cell, in the order in which a person wants to read it; texts are as recorded and not escaped. */
export interface Evidence {
  /** Findings in words, most telling first, each once. */
  diagnosis: string[];
  /** What is to be known of the first finding: the command line it came from, why it is fatal, what is known to cure it. */
  hints: string[];
  /** What QEMU itself said, each line once, with the side in front, and a mark where nobody has taught what it means. */
  raw: string[];
}

/** Collects the evidence of one result over all its migrations. */
export function evidenceOf(result: CellResult): Evidence {
  const findings = [...result.findings, ...result.outcomes.flatMap((outcome) => outcome.findings)];
  const diagnosed = findings.filter((finding) => finding.kind !== 'undiagnosed');
  const raw = new Set<string>();
  for (const { side, line } of findings) if (line !== undefined) raw.add(`${side}: ${line}`);
  for (const outcome of result.outcomes) {
    for (const side of ['source', 'destination'] as const)
      for (const line of linesOf(side, outcome[side])) raw.add(line);
  }
  const said = diagnosed.length > 0 ? diagnosed : findings;
  const [first] = said;
  const untaught = new Set(
    findings.filter(({ kind }) => kind === 'undiagnosed').map(({ side, line = '' }) => `${side}: ${line}`),
  );
  return {
    diagnosis: [...new Set(said.map((finding) => finding.summary))],
    hints: first ? hintsOf(first) : [],
    raw: [...raw].map((line) => (untaught.has(line) ? `${line} [undiagnosed]` : line)),
  };
}

function hintsOf({ commandLine, why, known }: Finding): string[] {
  return [
    ...(commandLine === undefined ? [] : [`made by -device ${commandLine}`]),
    ...(why === undefined ? [] : [`why: ${why}`]),
    ...(known ? [`known: ${known.words} (${known.source})`] : []),
  ];
}

/** Everything in words, in the order in which a person wants to read it: the diagnosis, its hints, and what was expected. */
export function storyOf({ diagnosis, hints }: Evidence, reason: string): string[] {
  const [first] = diagnosis;
  // The reason of an expectation ends with the diagnosis, which stands first already.
  const expected = first === undefined ? reason : reason.replace(`; ${first}`, '');
  return [...new Set([...diagnosis, ...hints, expected])].filter((said) => said !== '');
}

function linesOf(side: Side, outcome: SideOutcome): string[] {
  const lines = outcome.errorLines.map((line) => `${side}: ${line}`);
  if (outcome.errorDesc !== undefined) lines.push(`${side}: query-migrate says: ${outcome.errorDesc}`);
  if (outcome.refusal !== undefined) lines.push(`${side}: refused: ${outcome.refusal}`);
  if (outcome.signal !== undefined) lines.push(`${side}: ended by ${outcome.signal}`);
  else if (outcome.exitCode) lines.push(`${side}: exit status ${outcome.exitCode}`);
  return lines;
}

/** Cells that one thing explains. */
export interface Explanation {
  verdict: Verdict;
  /** One sentence; a known issue begins with its name. */
  title: string;
  /** Never empty, in the order of the plan. */
  cells: [CellSummary, ...CellSummary[]];
}

/**
 * Every cell that did not simply pass, grouped by what explains it, worst first: a known issue by its name, anything else by its
 * diagnosis without the device it struck.
 */
export function explanationsOf(summary: RunSummary): Explanation[] {
  const groups = new Map<string, Explanation>();
  for (const cell of summary.cells) {
    if (cell.verdict === 'passed') continue;
    const { title, key } = titleOf(cell);
    const group = groups.get(`${cell.verdict} ${key}`);
    if (group) group.cells.push(cell);
    else groups.set(`${cell.verdict} ${key}`, { verdict: cell.verdict, title, cells: [cell] });
  }
  const badness = (group: Explanation): number => verdicts.indexOf(group.verdict);
  return [...groups.values()].sort((a, b) => badness(b) - badness(a));
}

function titleOf(cell: CellSummary): { title: string; key: string } {
  const { result, reason } = cell;
  const finding = cell.verdict === 'skipped' ? undefined : result?.findings[0];
  const said = finding?.summary ?? (reason || 'no reason was recorded');
  if (result?.knownIssue !== undefined) {
    return { title: `known issue ${result.knownIssue}: ${said}`, key: `known issue ${result.knownIssue}` };
  }
  const anyAddress = said.replaceAll(/\b[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b/g, 'ADDRESS');
  return { title: said, key: finding?.device ? anyAddress.replaceAll(finding.device, 'DEVICE') : anyAddress };
}

/** The verdict's class for machines: the class of the migration that went wrong, or the verdict where none did. */
export function failureType(cell: CellSummary): string {
  const wrong = cell.result?.outcomes.findLast((outcome) => outcome.class !== 'completed');
  return wrong?.class ?? cell.verdict;
}
