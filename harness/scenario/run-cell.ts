import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Build } from '../build/build.js';
import { Deadline } from '../core/deadline.js';
import { GodwitError, LaunchError, messageOf, StateError } from '../core/errors.js';
import { within } from '../core/within.js';
import { diagnose } from '../diagnosis/diagnose.js';
import type { ExitedMachine, Machine } from '../machine/machine.js';
import { PrivateFolder } from '../machine/private-folder.js';
import { hostSignals } from '../migration/classify.js';
import { hasArrived, type Outcome } from '../migration/outcome.js';
import type { CellResult, GuestSummary, Phase, Variation } from '../record/events.js';
import type { Finding, OutcomeRecord, Side } from '../record/outcome.js';
import type { Verdict } from '../record/verdict.js';
import { standInRemark } from '../vfio/stand-in/library.js';
import { ActionLog } from './actions.js';
import { type Options, type Scenario, timeoutOf } from './definition.js';
import { isUnmetExpectation } from './expectations.js';
import type { GuestSettings } from './guests.js';
import { RunningJourney } from './journey.js';
import { applies, type KnownIssue, matches } from './known-issue.js';
import { ReproductionScript } from './reproduction.js';
import { forgetGuest } from './warm-start.js';

/** One cell, with everything resolved that its id spells out. */
export interface CellPlan {
  scenario: Scenario;
  route: readonly Build[];
  machineType: string;
  options: Options;
  /** What a search changes in the cell. */
  variation?: Variation;
  accel: string;
  guests: GuestSettings;
  /** Where command lines and logs are kept. */
  logFolder: string;
  /** Where the private folder for sockets is made. */
  temporaryFolder?: string;
  /** False judges as if no issue were known. */
  knownIssues: boolean;
}

/** Milliseconds that a process may take from closing its sockets to its end. */
const lastWordsMs = 500;
/** Milliseconds beyond the cell's deadline in which a wait of the body that ran into it may still tell what it waited for. */
const lateMs = 500;
/** Codes of errors that say something about QEMU. */
const aboutQemu: readonly string[] = [
  'execute',
  'execute-interrupted',
  'exited',
  'guest',
  'wait-timeout',
  'wait-impossible',
];

/**
 * Runs one cell to its verdict. Never throws: whatever goes wrong is a verdict. Nothing of the cell runs when it resolves.
 * A failure of a guest that came from a saved state is one only when the guest that is booted anew fails too.
 */
export async function runCell(plan: CellPlan): Promise<CellResult> {
  const warm = await playCell(plan);
  if (warm.result.verdict !== 'failed' || warm.savedIn === undefined) return warm.result;
  const guests = { ...plan.guests, cold: true };
  const { result: cold } = await playCell({ ...plan, guests, logFolder: join(plan.logFolder, 'cold') });
  const durationMs = warm.result.durationMs + cold.durationMs;
  if (cold.verdict === 'failed') {
    const reason = `${cold.reason} (confirmed with a guest that was booted anew, after a failure from a saved state)`;
    return { ...cold, reason, durationMs };
  }
  forgetGuest(warm.savedIn);
  if (cold.verdict !== 'passed') return { ...cold, durationMs };
  const reason = `failed with a guest from a saved state, passed with one that was booted anew: ${warm.result.reason}`;
  return { ...warm.result, verdict: 'flaky', reason, durationMs };
}

/** Plays a cell once; tells where the guest's saved state is, if it came from one. */
async function playCell(plan: CellPlan): Promise<{ result: CellResult; savedIn: string | undefined }> {
  const startedMs = performance.now();
  const evidence = new CellEvidence(plan);
  let thrown: unknown;
  try {
    mkdirSync(plan.logFolder, { recursive: true, mode: 0o700 });
    using folder = PrivateFolder.create(plan.temporaryFolder);
    thrown = await evidence.play(folder.path);
    evidence.writeScripts();
  } catch (failure) {
    thrown ??= failure;
  }
  const durationMs = performance.now() - startedMs;
  const result: CellResult = {
    ...evidence.judge(thrown),
    durationMs,
    phasesMs: evidence.phases(durationMs),
    accel: plan.accel,
    ...(plan.variation && { actions: evidence.actions.taken }),
    ...(evidence.guest && { guest: evidence.guest }),
    ...(plan.scenario.vfio && { remarks: [standInRemark] }),
    rssBytes: process.memoryUsage.rss(),
  };
  return { result, savedIn: evidence.savedIn };
}

/** What one cell leaves behind while it runs, and the verdict that follows from it. */
class CellEvidence {
  private readonly outcomes: Outcome[] = [];
  private readonly machines: Machine[] = [];
  private readonly phasesMs: Partial<Record<Phase, number>> = {};
  private readonly script: ReproductionScript;
  readonly actions: ActionLog;
  guest: GuestSummary | undefined;
  savedIn: string | undefined;

  constructor(private readonly plan: CellPlan) {
    this.script = new ReproductionScript(plan.scenario.title, plan.scenario.disks);
    this.actions = new ActionLog(plan.variation?.omitted);
  }

  /** Plays the scenario; returns what it threw. */
  async play(folder: string): Promise<unknown> {
    const { scenario } = this.plan;
    const deadline = Deadline.after(timeoutOf(scenario));
    let journey: RunningJourney | undefined;
    try {
      journey = await RunningJourney.start({
        ...this.plan,
        folder,
        deadline,
        onSend: (label, channel, line) => this.script.send(label, channel, line),
        onPhase: (phase, ms) => this.addPhase(phase, ms),
        onLaunch: (machine) => this.script.start(machine),
        onMachine: (machine) => this.machines.push(machine),
        onOutcome: (outcome) => this.outcomes.push(outcome),
        onGuest: (guest, savedIn) => Object.assign(this, { guest, savedIn }),
      });
      await this.bodyOf(journey, deadline);
      return undefined;
    } catch (thrown) {
      await this.lastWords(thrown);
      return thrown;
    } finally {
      const endingMs = performance.now();
      await journey?.[Symbol.asyncDispose]();
      this.addPhase('end', performance.now() - endingMs);
    }
  }

  /** Runs the body to its end, or until it should long have been over: it may wait for something that never comes. */
  private async bodyOf(journey: RunningJourney, deadline: Deadline): Promise<void> {
    const { scenario, variation } = this.plan;
    const body = scenario.body(variation ? this.actions.journey(journey) : journey);
    // What a body does after it was given up is nobody's any more.
    body.catch(() => undefined);
    if (await within(body, deadline.remainingMs + lateMs)) return;
    throw new StateError(`the body of the scenario did not come to its end within ${deadline.totalMs} ms`);
  }

  /**
   * A closed connection is how a dying QEMU shows first, to whoever is on it or comes to it later: its exit, a moment later, tells whose fault it was.
   */
  private async lastWords(thrown: unknown): Promise<void> {
    if (!(thrown instanceof GodwitError) || !['connect', 'execute-interrupted', 'state'].includes(thrown.code)) return;
    await within(Promise.race(this.machines.map(({ exit }) => exit)), lastWordsMs);
  }

  writeScripts(): void {
    this.script.write(this.plan.logFolder);
  }

  /** Where the time went; what no phase claims is the guest's. */
  phases(durationMs: number): Partial<Record<Phase, number>> {
    const claimed = Object.values(this.phasesMs).reduce((sum, ms) => sum + ms, 0);
    return { ...this.phasesMs, guest: Math.max(0, durationMs - claimed) };
  }

  judge(thrown: unknown): Pick<CellResult, 'verdict' | 'reason' | 'findings' | 'outcomes' | 'knownIssue'> {
    const outcomes = [...this.outcomes.map(recorded), ...this.cannotStart(thrown)];
    const expected = this.expectedIssues();
    if (thrown === undefined) {
      const issue = expected.find(({ intermittent }) => !intermittent);
      if (!issue) return { verdict: 'passed', reason: '', findings: [], outcomes };
      const reason = `the known issue '${issue.name}' did not happen (${issue.source})`;
      return { verdict: 'fixed', reason, findings: [], outcomes, knownIssue: issue.name };
    }
    const findings = this.findings(thrown, outcomes);
    const verdict = verdictOf(thrown, this.machines);
    const known = expected.find((issue) => findings.some((finding) => matches(issue, finding)));
    if (verdict !== 'failed' || !known) return { verdict, reason: this.reasonOf(thrown), findings, outcomes };
    const reason = `${known.name}: ${known.source}`;
    return { verdict: 'known', reason, findings, outcomes, knownIssue: known.name };
  }

  /** The known issues that a hop of this cell is expected to show one of. */
  private expectedIssues(): KnownIssue[] {
    const { scenario, route, machineType, options, knownIssues } = this.plan;
    if (!knownIssues) return [];
    const hops = route.slice(1).flatMap((destination, index) => {
      const source = route[index];
      return source ? [{ source, destination, machineType, options }] : [];
    });
    return scenario.known?.filter((issue) => hops.some((hop) => applies(issue, hop))) ?? [];
  }

  /** What was thrown, and which QEMU had died by then: a closed connection alone does not tell. */
  private reasonOf(thrown: unknown): string {
    const told = sentenceOf(thrown);
    if (isUnmetExpectation(thrown)) return told;
    const deaths = died(this.machines).map(({ summary }) => summary);
    return [told, ...deaths.filter((death) => !told.includes(death))].join('; ');
  }

  private findings(thrown: unknown, outcomes: readonly OutcomeRecord[]): Finding[] {
    const told = outcomes.at(-1)?.findings ?? [];
    if (isUnmetExpectation(thrown) || !(thrown instanceof GodwitError)) return told;
    // Nothing that a migration left explains it: what was thrown is the finding, and the logs of whoever ran may tell more.
    const last = outcomes.at(-1);
    const side = last && hasArrived(last) ? 'destination' : 'source';
    const first: Finding = { kind: thrown.code, side, summary: thrown.message, fields: {} };
    const crashes = died(this.machines)
      .filter(({ exited }) => exited.signal !== undefined)
      .map(({ side, summary }): Finding => ({ kind: 'crash', side, summary, fields: {} }));
    const logs = this.machines.flatMap((machine) => diagnose(sideOf(machine.label), machine.log()));
    return [first, ...(thrown instanceof LaunchError ? told : [...crashes, ...logs])];
  }

  private cannotStart(thrown: unknown): OutcomeRecord[] {
    if (!(thrown instanceof LaunchError)) return [];
    const { log: told } = thrown.data;
    const log = typeof told === 'string' ? told : '';
    const side = sideOf(thrown.data['label']);
    const hop = Number(/^hop-(\d+)$/.exec(String(thrown.data['label']))?.[1] ?? 1);
    const quiet = { errorLines: [] };
    const exit = {
      ...(typeof thrown.data['exitCode'] === 'number' && { exitCode: thrown.data['exitCode'] }),
      ...(typeof thrown.data['signal'] === 'string' && { signal: thrown.data['signal'] }),
      errorLines: log.split('\n').filter((line) => line.trim() !== ''),
    };
    return [
      {
        class: 'cannot-start',
        from: this.plan.route[hop - 1]?.name ?? '',
        to: this.plan.route[hop]?.name ?? '',
        source: side === 'source' ? exit : quiet,
        destination: side === 'destination' ? exit : quiet,
        findings: diagnose(side, log),
        differences: [],
      },
    ];
  }

  private addPhase(phase: Phase, ms: number): void {
    this.phasesMs[phase] = (this.phasesMs[phase] ?? 0) + ms;
  }
}

/** What a QEMU answered, refused or failed to do is about QEMU; anything else that is thrown is our own fault, or the host's. */
function verdictOf(thrown: unknown, machines: readonly Machine[]): Verdict {
  const dead = died(machines);
  if (dead.some(({ exited }) => hostSignals.includes(exited.signal ?? ''))) return 'broken';
  if (isUnmetExpectation(thrown)) return 'failed';
  if (!(thrown instanceof GodwitError)) return 'broken';
  if (thrown instanceof LaunchError) return endedByItself(thrown.data) ? 'failed' : 'broken';
  return dead.length > 0 || aboutQemu.includes(thrown.code) ? 'failed' : 'broken';
}

/** True when QEMU itself ended: not the host, not the loader or a wrapper that could not start it (126, 127), not our patience. */
function endedByItself({ exitCode, signal }: LaunchError['data']): boolean {
  if (typeof signal === 'string') return !hostSignals.includes(signal);
  return typeof exitCode === 'number' && exitCode < 126;
}

/** The machines that ended without our doing. */
function died(machines: readonly Machine[]): Death[] {
  return machines.flatMap(({ label, exited, killedByUs }) => {
    if (!exited || killedByUs) return [];
    const how = exited.signal === undefined ? `exited with status ${exited.exitCode}` : `was ended by ${exited.signal}`;
    return [{ exited, side: sideOf(label), summary: `the ${label} QEMU ${how}` }];
  });
}

/** Which end of a migration a QEMU is, by its label: a source that comes from a saved guest is incoming too. */
function sideOf(label: unknown): Side {
  return label === 'source' || label === 'boot' ? 'source' : 'destination';
}

interface Death {
  exited: ExitedMachine;
  side: Finding['side'];
  summary: string;
}

function sentenceOf(thrown: unknown): string {
  const known = thrown instanceof GodwitError || isUnmetExpectation(thrown);
  return known || !(thrown instanceof Error)
    ? messageOf(thrown)
    : `${thrown.name}: ${thrown.message} (${firstFrame(thrown)})`;
}

function firstFrame(thrown: Error): string {
  return (
    thrown.stack
      ?.split('\n')
      .find((line) => line.trimStart().startsWith('at '))
      ?.trim() ?? 'no stack'
  );
}

/** The outcome as the record keeps it: without the two views of the guest. */
function recorded(outcome: Outcome): OutcomeRecord {
  const { configSpace: _, arrivedMs: __, ...record } = outcome;
  return record;
}
