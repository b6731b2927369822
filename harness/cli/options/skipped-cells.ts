import type { PlannedCell } from '../../record/events.js';

/** The cells, each skipped for the reason that is found against it; what is skipped already keeps its own. */
export function skippedFor(
  cells: readonly PlannedCell[],
  reasonAgainst: (cell: PlannedCell) => string | undefined,
): PlannedCell[] {
  return cells.map((cell) => {
    const skip = cell.skip === undefined ? reasonAgainst(cell) : undefined;
    return skip === undefined ? cell : { ...cell, skip };
  });
}
