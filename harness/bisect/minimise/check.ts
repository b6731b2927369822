import type { Build } from '../../build/build.js';
import { messageOf, UsageError } from '../../core/errors.js';
import type { CellResult, PlannedCell } from '../../record/events.js';
import { planCells } from '../../run/plan.js';
import { RunSession, type SessionOptions } from '../../run/session.js';
import { loadScenarios } from '../../scenario/load.js';
import { signatureOf } from '../signature.js';

/** Whether a scenario file fails as the cell did from which it was made. */
export interface Checked {
  sameWay: boolean;
  /** What it does otherwise, in one sentence; empty where it fails in the same way. */
  otherwise: string;
}

/** How the file's cell is to be run. */
export interface CheckOptions {
  /** The cell that the file stands for. */
  cell: PlannedCell;
  builds: readonly Build[];
  signature: string;
  session: Omit<SessionOptions, 'scenarios' | 'files' | 'onEvent'>;
}

/** Runs a scenario file on the route of a cell, in a session of its own. Throws the signal's reason, and UsageError for an output folder. */
export async function checkScenarioFile(file: string, options: CheckOptions): Promise<Checked> {
  const result = await played(file, options);
  if (typeof result === 'string') return { sameWay: false, otherwise: result };
  if (signatureOf(result) === options.signature) return { sameWay: true, otherwise: '' };
  const { verdict, reason } = result;
  return { sameWay: false, otherwise: reason === '' ? `it ${verdict}` : `${verdict}: ${reason}` };
}

/** The file's own result, or why there is none. */
async function played(file: string, { cell, builds, session: given }: CheckOptions): Promise<CellResult | string> {
  const planned = await plannedFor(file, cell, builds);
  if (typeof planned === 'string') return planned;
  await using session = RunSession.open({ ...given, ...planned, files: [file], onEvent: () => undefined });
  const [result] = await session.play({ builds, cells: planned.cells });
  session.finish();
  given.signal.throwIfAborted();
  return result ?? 'it was not run';
}

async function plannedFor(
  file: string,
  { route, machineType }: PlannedCell,
  builds: readonly Build[],
): Promise<(Pick<SessionOptions, 'scenarios'> & { cells: PlannedCell[] }) | string> {
  try {
    const scenarios = await loadScenarios([file]);
    const selection = { sources: builds, destinations: builds, pairs: 'all', machines: [machineType] } as const;
    const cells = planCells(scenarios, selection).filter((cell) => cell.route.join('\n') === route.join('\n'));
    return cells.length === 0 ? 'it makes no cell of that route' : { scenarios, cells };
  } catch (thrown) {
    if (thrown instanceof UsageError) return messageOf(thrown);
    throw thrown;
  }
}
