import { join } from 'node:path';
import type { Build } from '../../../../harness/build/build.js';
import { packageRoot } from '../../../../harness/core/package-root.js';
import type { CellResult } from '../../../../harness/record/events.js';
import { type Selection, planCells } from '../../../../harness/run/plan.js';
import type { CellShape, Scenario } from '../../../../harness/scenario/definition.js';
import { loadScenarios } from '../../../../harness/scenario/load.js';
import { runCell } from '../../../../harness/scenario/run-cell.js';
import type { Bed } from './beds.js';

/** The scenario of seed 002, as the catalogue has it; loaded once. Where mocha's globals are, the package would make tests of its cells. */
export async function seed002(): Promise<Scenario> {
  const { it } = globalThis;
  Reflect.deleteProperty(globalThis, 'it');
  try {
    const [scenario] = await loadScenarios([join(packageRoot, 'tests/migration/vfio/vendor-specific.scenario.ts')]);
    if (!scenario) throw new RangeError('the catalogue has no scenario of seed 002');
    return scenario;
  } finally {
    globalThis.it = it;
  }
}

/** The cells of a scenario on one route that are not skipped, as `godwit run` plans them. */
export function cellsOn(scenario: Scenario, route: readonly [Build, Build], machines: string[]): CellShape[] {
  const [source, destination] = route;
  const selection: Selection = { sources: [source], destinations: [destination], pairs: 'all', machines };
  const planned = planCells([scenario], selection).filter(({ skip }) => skip === undefined);
  return planned.map(({ machineType, options }) => ({ machineType, options, route }));
}

/** Runs a cell with its device on that bed: on the kernel's own VFIO as if a user had such a device on the command lines. */
export async function playOn(
  bed: Bed,
  { scenario, cell, logFolder }: { scenario: Scenario; cell: CellShape; logFolder: string },
): Promise<CellResult> {
  const { vfio, ...plain } = scenario;
  const [source, destination] = cell.route;
  const devices = vfio?.(cell);
  if (!devices || !source || !destination) throw new RangeError(`${scenario.title} has no VFIO device on two builds`);
  const here = await bed.device(source, devices.source);
  const there = await bed.device(destination, devices.destination);
  const ofUser = { ...plain, devices: here.words, destination: () => ({ devices: there.words }) };
  return runCell({
    ...cell,
    scenario: bed.isReal ? ofUser : scenario,
    route: cell.route.map((build) => bed.build(build)),
    ...{ accel: 'tcg', guests: { cold: false }, knownIssues: true, logFolder },
  });
}

/** What a cell came to, in one line: its verdict, what became of the migration, and what it found at which offset. */
export function told({ machineType, options }: CellShape, { verdict, reason, outcomes }: CellResult): string {
  const cell = [machineType, ...Object.entries(options).map(([name, value]) => `${name}=${value}`)].join(', ');
  const came = outcomes.map((outcome) => {
    const offsets = [
      ...outcome.findings.flatMap(({ kind, fields }) => (kind === 'config-mismatch' ? [Number(fields['offset'])] : [])),
      ...outcome.differences.map(({ offset }) => offset),
    ];
    return `${outcome.class}${[...new Set(offsets)]
      .slice(0, 8)
      .map((offset) => ` 0x${offset.toString(16)}`)
      .join('')}`;
  });
  return `${cell}: ${verdict}${reason === '' ? '' : ` (${reason})`}, ${came.join(', ')}`;
}
