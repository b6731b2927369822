import type { ConfigSnapshot } from '../guest/config-snapshot.js';
import type { OutcomeClass, OutcomeRecord, Side } from '../record/outcome.js';

/** One migration, judged, with what an assertion may ask of it. It is what goes into the record, the two views of the guest, and a moment of this process. */
export interface Outcome extends OutcomeRecord {
  /** What the guest saw before, on the source, and after, on the destination; undefined when nobody looked, or nobody could. */
  configSpace: { before?: ConfigSnapshot; after?: ConfigSnapshot };
  /** When the destination said that the guest is there, on the clock of performance.now(); absent where it never came. */
  arrivedMs?: number;
}

/** Whether the guest is at the destination, whatever it sees there. */
export function hasArrived({ class: came }: Pick<OutcomeRecord, 'class'>): boolean {
  return came === 'completed' || came === 'silent-difference';
}

/** One line for a person: class, both states, and the first line that says why. */
export function describeOutcome(outcome: OutcomeRecord): string {
  const finding = outcome.findings[0]?.summary;
  const states = `source ${describeSide(outcome, 'source')}, destination ${describeSide(outcome, 'destination')}`;
  return `${outcome.from} → ${outcome.to}: ${outcomeWords[outcome.class]} (${states})${finding === undefined ? '' : `; ${finding}`}`;
}

function describeSide(outcome: OutcomeRecord, side: Side): string {
  const { migrationStatus, exitCode, signal, refusal } = outcome[side];
  if (signal !== undefined) return `ended by ${signal}`;
  if (exitCode !== undefined) return `exited with status ${exitCode}`;
  if (refusal !== undefined) return `refused: ${refusal}`;
  return migrationStatus ?? 'no answer';
}

/** The classes in words. */
export const outcomeWords: Record<OutcomeClass, string> = {
  completed: 'completed',
  'silent-difference': 'completed, and the guest sees a difference',
  'load-failure': 'the destination could not load the stream',
  refused: 'refused',
  'cannot-start': 'a QEMU could not start',
  died: 'a QEMU died',
  hang: 'hung',
  'harness-fault': 'the harness failed',
};
