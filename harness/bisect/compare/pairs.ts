import type { Build } from '../../build/build.js';
import { UsageError } from '../../core/errors.js';
import type { PlannedCell } from '../../record/events.js';
import { cellOn, planCells } from '../../run/plan.js';
import { routesOf } from '../../run/routes.js';
import type { RouteShape, Scenario } from '../../scenario/definition.js';

/** The four pairs of the two builds; the first is the yardstick of the others. */
export const pairNames = ['base → base', 'base → patched', 'patched → base', 'patched → patched'] as const;

export type PairName = (typeof pairNames)[number];

/** The pairs that have the patched build in them. */
export const patchedPairs = ['base → patched', 'patched → base', 'patched → patched'] as const satisfies PairName[];

/** The two builds that are compared. */
export interface Builds {
  base: Build;
  patched: Build;
}

/** One scenario with one machine type and one set of options, on the four pairs. */
export interface Row {
  /** A cell's id without its route. */
  name: string;
  scenario: string;
  machineType: string;
  /** Pairs on which the scenario has no cell are absent. */
  cells: Partial<Record<PairName, PlannedCell>>;
}

export interface RowSelection {
  /** `--machine`. */
  machines?: readonly string[];
  /** Matched against the ids of a row's cells: one that matches takes its whole row along. */
  grep?: RegExp;
}

/**
 * Every row of a comparison, in the order of the plan. Throws UsageError for what selects nothing, for a build that has none of the machine types
 * selected, and where no cell could run.
 */
export function rowsOf(scenarios: readonly Scenario[], builds: Builds, { machines, grep }: RowSelection): Row[] {
  const both = [builds.base, builds.patched];
  const named = machines && { machines };
  const planned = planCells(scenarios, { sources: both, destinations: both, pairs: 'all', ...named });
  const byName = new Map(planned.map((cell) => [nameOf(cell), cell]));
  const all = [...byName].flatMap(([name, cell]) => {
    const scenario = scenarios.find(({ title }) => title === cell.scenario);
    return scenario ? [rowOf(name, scenario, { cell, builds })] : [];
  });
  const rows = grep ? all.filter((row) => cellsOf(row).some(({ id }) => grep.test(id))) : all;
  if (rows.length === 0)
    throw new UsageError(`--grep ${grep?.source} matches none of ${all.flatMap(cellsOf).length} cells`);
  both.forEach((build) => checkMachineTypes(build, rows));
  const cells = rows.flatMap(cellsOf);
  if (cells.every(({ skip }) => skip !== undefined)) throw new UsageError(`no cell can run: ${cells[0]?.skip}`);
  return rows;
}

/** The cells of a row, in the order of the pairs. */
export function cellsOf({ cells }: Row): PlannedCell[] {
  return pairNames.flatMap((pair) => cells[pair] ?? []);
}

function rowOf(name: string, scenario: Scenario, { cell, builds }: { cell: PlannedCell; builds: Builds }): Row {
  const { machineType, options } = cell;
  const cells: Row['cells'] = {};
  for (const pair of pairNames) {
    const [source, destination] = pair.split(' → ').map((role) => builds[role as keyof Builds]) as [Build, Build];
    if (scenario.pairs === 'same' && source !== destination) continue;
    const route = routeOver(scenario.route ?? 'pair', [source, destination]);
    const found = cellOn(scenario, { machineType, options, route });
    if (found) cells[pair] = found;
  }
  return { name, scenario: scenario.title, machineType, cells };
}

/** The route that stands for a pair: its first hop is from the pair's source to its destination. */
function routeOver(shape: RouteShape, [source, destination]: [Build, Build]): Build[] {
  if (shape === 'there-and-back') return [source, destination, source];
  if (shape === 'three') return [source, destination, destination];
  return routesOf(shape, [[source, destination]])[0] ?? [source, destination];
}

function nameOf({ scenario, machineType, options }: PlannedCell): string {
  const words = Object.entries(options).map(([name, value]) => `${name}=${value}`);
  return `${scenario} [${[machineType, ...words].join(', ')}]`;
}

function checkMachineTypes({ name, version, probe }: Build, rows: readonly Row[]): void {
  const selected = [...new Set(rows.map(({ machineType }) => machineType))];
  if (selected.some((type) => probe.machineTypes.some((known) => known.name === type))) return;
  const most = 5;
  const told = `${selected.slice(0, most).join(', ')}${selected.length > most ? ', …' : ''}`;
  throw new UsageError(
    `${name} (QEMU ${version.text}) has none of the machine types selected, ${told}; \`godwit machines\` lists what it has`,
  );
}
