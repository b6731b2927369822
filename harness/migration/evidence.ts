import type { Deadline } from '../core/deadline.js';
import { within } from '../core/within.js';
import { type ErrorLine, isHarmless, parseErrorLines } from '../diagnosis/error-lines.js';
import type { Machine } from '../machine/machine.js';
import type { QmpCommands } from '../qmp/schema.js';
import type { SideOutcome } from '../record/outcome.js';

/** Milliseconds for each question to a side that may no longer answer. */
const answerMs = 2000;

/** Milliseconds, bytes and passes over RAM that QEMU gives for a migration. */
export interface Figures {
  totalMs?: number;
  downtimeMs?: number;
  transferredBytes?: number;
  passes?: number;
}

/** One side after the migration: what it says, how it ended, what it wrote. */
export interface SideEvidence {
  outcome: SideOutcome;
  /** All that the side wrote about this migration, in its log and in `error-desc`. */
  text: string;
  lines: ErrorLine[];
  figures: Figures;
  alive: boolean;
}

export interface ExamineOptions {
  deadline: Deadline;
  /** Where in the log this migration begins, in characters. */
  logFrom: number;
  /** True for a side that ends by itself when it cannot load: its log is whole, and its exit status known, only then. */
  exitsOnError: boolean;
}

/** Asks one side for its states and reads its log. Never throws: a side that does not answer is evidence too. */
export async function examine(machine: Machine, options: ExamineOptions): Promise<SideEvidence> {
  const { logFrom, exitsOnError } = options;
  const soon = options.deadline.within(answerMs);
  const { migration, status } = machine.exited ? {} : await statesOf(machine, soon);
  const isEnding = !status || (exitsOnError && migration?.status === 'failed');
  if (isEnding && !machine.exited) await within(machine.exit, soon.remainingMs);
  const exited = machine.exited ?? {};
  const errorDesc = migration?.['error-desc'];
  const log = machine.log().slice(logFrom);
  // 11.1 keeps the reason in error-desc alone when it is told not to exit: both places are read, always.
  const text = errorDesc === undefined || log.includes(errorDesc) ? log : `${log}\n${errorDesc}`;
  const lines = parseErrorLines(text);
  return {
    outcome: {
      ...(migration?.status !== undefined && { migrationStatus: migration.status }),
      ...(status && { runState: status.status }),
      ...(errorDesc !== undefined && { errorDesc }),
      ...exited,
      errorLines: lines.filter((line) => line.continued !== true && !isHarmless(line)).map(({ line }) => line),
    },
    text,
    lines,
    figures: figuresOf(migration),
    alive: status !== undefined && !machine.exited,
  };
}

type States = {
  migration?: QmpCommands['query-migrate']['return'] | undefined;
  status?: QmpCommands['query-status']['return'] | undefined;
};

/**
 * Both states, once they last: QEMU says that the migration has completed a moment before it leaves `finish-migrate`, and no
 * event follows. Each question lets its migration thread go on, so that the second answer is mostly the last.
 */
async function statesOf(machine: Machine, deadline: Deadline): Promise<States> {
  for (;;) {
    const [migration, status] = await Promise.all([
      machine.qmp.execute('query-migrate', undefined, { deadline }).catch(() => undefined),
      machine.qmp.execute('query-status', undefined, { deadline }).catch(() => undefined),
    ]);
    const passes = migration?.status === 'completed' && status?.status === 'finish-migrate';
    if (!passes || deadline.passed) return { migration, status };
  }
}

function figuresOf(migration: QmpCommands['query-migrate']['return'] | undefined): Figures {
  return {
    ...(migration?.['total-time'] !== undefined && { totalMs: migration['total-time'] }),
    ...(migration?.downtime !== undefined && { downtimeMs: migration.downtime }),
    ...(migration?.ram && {
      transferredBytes: migration.ram.transferred,
      passes: migration.ram['dirty-sync-count'],
    }),
  };
}
