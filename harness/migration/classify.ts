import type { OutcomeClass } from '../record/outcome.js';
import type { SideEvidence } from './evidence.js';

/** All that a verdict about one migration may rest on. */
export interface Evidence {
  source: SideEvidence;
  destination: SideEvidence;
  /** False when nothing moved any more and the wait was given up. */
  settled: boolean;
  /** What QMP answered when it refused to start the migration. */
  refusal?: string;
  /** True when what the guest sees on the destination is not what it saw on the source. */
  differs: boolean;
}

/**
 * The class of an outcome, from both sides together: the source's word alone is never believed, for it says `completed`
 * or `failed` of one and the same failure, depending on a race.
 */
export function classify(evidence: Evidence): OutcomeClass {
  const { source, destination } = evidence;
  if (wasEnded(source) || wasEnded(destination)) return 'harness-fault';
  if (hasDied(source) || hasDied(destination)) return 'died';
  if (evidence.refusal !== undefined || isBlocked(source)) return 'refused';
  if (destination.outcome.exitCode !== undefined || destination.outcome.migrationStatus === 'failed')
    return 'load-failure';
  if (source.outcome.migrationStatus === 'failed') return 'load-failure';
  if (!evidence.settled || !source.alive || !destination.alive) return 'hang';
  const completed =
    source.outcome.migrationStatus === 'completed' && destination.outcome.migrationStatus === 'completed';
  if (!completed) return 'hang';
  return evidence.differs ? 'silent-difference' : 'completed';
}

/** Signals that come from outside: from a host that runs out of memory, or from a person. They say nothing about QEMU. */
export const hostSignals: readonly string[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'];

function wasEnded({ outcome }: SideEvidence): boolean {
  return outcome.signal !== undefined && hostSignals.includes(outcome.signal);
}

function hasDied(side: SideEvidence): boolean {
  return side.outcome.signal !== undefined || side.lines.some(({ kind }) => kind === 'assertion');
}

function isBlocked(side: SideEvidence): boolean {
  return side.lines.some(({ kind }) => kind === 'migration-blocker');
}
