import { UsageError } from '../core/errors.js';
import { servedObstacle } from '../vfio/server/served-device.js';
import { standInObstacle } from '../vfio/stand-in/library.js';
import type { Scenario, ScenarioDefinition } from './definition.js';
import type { GuestKind } from './guests.js';
import { checkKnownIssue } from './known-issue.js';

interface Registry {
  scenarios: Scenario[];
  file: string;
  onScenario: ((scenario: Scenario) => void) | undefined;
}

// On the global object, so that a scenario file that resolves to another copy of this package still reaches the runner's registry.
const key = Symbol.for('godwit.scenario-registry');
const holder: { [key]?: Registry | undefined } = globalThis as object;
const registry = (holder[key] ??= { scenarios: [], file: '', onScenario: undefined });

/**
 * Declares a scenario. Run by `godwit run`, or by plain mocha, where every cell becomes a test.
 * Throws UsageError when a scenario of that name exists (a cell's name must mean one thing), or a known issue's range cannot be read.
 */
export function scenario<K extends GuestKind = 'scripted'>(title: string, definition: ScenarioDefinition<K>): void {
  const twin = registry.scenarios.find((known) => known.title === title);
  if (twin) {
    const where = twin.file === registry.file ? `twice in ${twin.file}` : `in ${twin.file} and in ${registry.file}`;
    throw new UsageError(`the scenario '${title}' is declared ${where}`);
  }
  definition.known?.forEach(checkKnownIssue);
  const declared: Scenario = { ...definition, ...skipsOf(definition), title, file: registry.file };
  registry.scenarios.push(declared);
  registry.onScenario?.(declared);
}

/** A cell with a stand-in for the kernel's VFIO, or with a vfio-user device, is skipped where there can be none. */
function skipsOf({ vfio, vfioUser, skip }: Pick<Scenario, 'vfio' | 'vfioUser' | 'skip'>): Pick<Scenario, 'skip'> {
  const obstacles = [...(vfio ? [standInObstacle] : []), ...(vfioUser ? [servedObstacle] : [])];
  if (obstacles.length === 0) return {};
  return {
    skip: (cell) => obstacles.map((obstacle) => obstacle(cell.route)).find((why) => why !== undefined) ?? skip?.(cell),
  };
}

/** Runs `load` with every scenario that it declares noted as standing in `file`, and returns those. */
export async function collect(file: string, load: () => Promise<unknown>): Promise<Scenario[]> {
  const from = registry.scenarios.length;
  registry.file = file;
  await load();
  return registry.scenarios.slice(from);
}

/** Calls `onScenario` with every scenario as it is declared. */
export function observeScenarios(onScenario: (scenario: Scenario) => void): void {
  registry.onScenario = onScenario;
}
