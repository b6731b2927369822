import { join } from 'node:path';
import type { Build } from '../../../../harness/build/build.js';
import { packageRoot } from '../../../../harness/core/package-root.js';
import type { CellResult } from '../../../../harness/record/events.js';
import type { OutcomeRecord } from '../../../../harness/record/outcome.js';
import { type Selection, planCells } from '../../../../harness/run/plan.js';
import { commandWords } from '../../../../harness/scenario/command-words.js';
import type { CellShape, Scenario } from '../../../../harness/scenario/definition.js';
import { findScenarioFiles, loadScenarios } from '../../../../harness/scenario/load.js';
import { runCell } from '../../../../harness/scenario/run-cell.js';
import { readCapture } from '../../../../harness/stream/capture.js';
import { loadOrder } from '../../../../harness/stream/compare/order.js';
import { readStreamFile } from '../../../../harness/stream/input.js';
import type { Bed } from './beds.js';

/**
 * The catalogue's scenarios with a VFIO device, by their titles behind 'vfio: '; loaded once. Where mocha's globals are, the package would make
 * tests of their cells. What is returned throws RangeError for a title that there is not.
 */
export async function catalogue(): Promise<(title: string) => Scenario> {
  const { it } = globalThis;
  Reflect.deleteProperty(globalThis, 'it');
  try {
    const scenarios = await loadScenarios(findScenarioFiles([join(packageRoot, 'tests/migration/vfio')]));
    return (title) => {
      const found = scenarios.find((scenario) => scenario.title === `vfio: ${title}`);
      if (found) return found;
      throw new RangeError(`the catalogue has no scenario 'vfio: ${title}'`);
    };
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
  const words = commandWords(scenario.devices, cell);
  const ofUser: Scenario = {
    ...plain,
    devices: [...words, ...here.words],
    destination: () => ({ devices: [...words, ...there.words] }),
  };
  return runCell({
    ...cell,
    scenario: bed.isReal ? ofUser : scenario,
    route: cell.route.map((build) => bed.build(build)),
    ...{ accel: 'tcg', guests: { cold: false }, knownIssues: true, logFolder },
    ...(bed.folder !== undefined && { temporaryFolder: bed.folder }),
  });
}

/** Of what a stream has, what seed 004 is about: the section of a VFIO device that has no marks in it is its configuration space. */
const steps = /\/vfio(?: data-state| config-state)?$|^(?:apic|ioapic)$/;

/** What a cell came to, in one line: its verdict, what became of the migration, what it found at which offset, and the order of what a relay kept. */
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
      .join('')}${sent(outcome)}`;
  });
  return `${cell}: ${verdict}${reason === '' ? '' : ` (${reason})`}, ${came.join(', ')}`;
}

/** Each step of the copied stream once for as long as it goes on: a device that can be read while it runs has its data in many pieces. */
function sent({ channels = [] }: OutcomeRecord): string {
  const copy = channels[0]?.file;
  if (copy === undefined) return '';
  const names = loadOrder(readStreamFile(copy, readCapture)).map(({ name }) => name);
  const all = names.filter((name) => steps.test(name)).map((name) => name.replace(/^.*\//, ''));
  return `, sent as ${all.filter((step, index) => step !== all[index - 1]).join(' → ')}`;
}
