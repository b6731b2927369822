import picomatch from 'picomatch';
import type { Build } from '../build/build.js';
import { UsageError } from '../core/errors.js';
import { devicesOf } from '../machine/device-line.js';
import { findFamily } from '../machine/family.js';
import { quoteWord } from '../machine/words.js';
import type { PlannedCell, Variation } from '../record/events.js';
import { routeName } from '../record/route.js';
import { commandWords } from '../scenario/command-words.js';
import type { CellShape, Options, Scenario } from '../scenario/definition.js';
import { type PairSelection, pairsOf, routesOf } from './routes.js';
import { seededOrder } from './seed.js';
import { cellsOfShard, type Shard } from './shard.js';

/** What narrows a run. */
export interface Selection {
  sources: readonly Build[];
  destinations: readonly Build[];
  pairs: PairSelection;
  /** `--machine`: machine types or globs; the scenarios' own where there is none. */
  machines?: readonly string[];
  /** Matched against the whole id of a cell. */
  grep?: RegExp;
  shard?: Shard;
  /** Words added to every command line of every cell. */
  added?: readonly string[];
  /** Shuffles the cells; the order of the plan where there is none. */
  seed?: number;
}

/**
 * Every cell of a run, in the order in which they start. The same scenarios, builds and selection give the same plan.
 * Throws UsageError naming a machine type that no build has, a glob or expression that matches nothing.
 */
export function planCells(scenarios: readonly Scenario[], selection: Selection): PlannedCell[] {
  const builds = [...new Set([...selection.sources, ...selection.destinations])];
  for (const wanted of selection.machines ?? []) checkMachine(wanted, builds);

  const pairs = pairsOf(selection.sources, selection.destinations, selection.pairs);
  if (pairs.length === 0) throw new UsageError(noPair(builds, selection.pairs));
  const chosen = selection.machines ? picomatch([...selection.machines]) : () => true;
  const narrowed = machineTypesBy(builds, (type) => chosen(type));
  const { grep, shard, seed, added = [] } = selection;
  const all = scenarios
    .flatMap((scenario) => cellsOf(scenario, pairs, narrowed))
    .map(({ planned, ...rest }) => ({ ...rest, planned: withWords(planned, added) }));
  const matching = grep ? all.filter(({ planned }) => selects(grep, planned.id)) : all;
  if (matching.length === 0) throw new UsageError(nothingSelected(all.length, selection));
  checkDevices(matching);
  const cells = matching.map(({ planned }) => planned);
  const ordered = seed === undefined ? cells : seededOrder(cells, seed);
  return shard ? cellsOfShard(ordered, shard) : ordered;
}

/** Whether an expression selects a cell: it matches its id, or it is the id itself, whose brackets mean something else to it. */
function selects(grep: RegExp, id: string): boolean {
  return grep.test(id) || grep.source.replaceAll('\\/', '/') === id;
}

/** The id of a cell spells out what it is, and never says where in a plan it stands. */
export function cellId(cell: Omit<PlannedCell, 'id'>): string {
  const options = Object.entries(cell.options).map(([name, value]) => `${name}=${value}`);
  const variation = cell.variation && cell.variation.label !== '' ? [cell.variation.label] : [];
  return `${cell.scenario} [${[routeName(cell.route), cell.machineType, ...options, ...variation].join(', ')}]`;
}

/** The same cell with words added to every command line of it; their text is part of its id. */
export function withWords(cell: PlannedCell, added: readonly string[]): PlannedCell {
  return added.length === 0 ? cell : varied(cell, { label: added.map(quoteWord).join(' '), added: [...added] });
}

/** The same cell with something changed, under an id of its own. */
export function varied(cell: PlannedCell, variation: Variation): PlannedCell {
  const { id: _, ...changed } = { ...cell, variation };
  return { id: cellId(changed), ...changed };
}

/** A cell as it is planned, and the device for want of which it is skipped. */
interface Candidate {
  planned: PlannedCell;
  lacksDevice: string | undefined;
}

function cellsOf(scenario: Scenario, pairs: ReturnType<typeof pairsOf>, machineTypes: MachineTypes): Candidate[] {
  const own = picomatch([scenario.machines].flat());
  const allowed = scenario.pairs === 'same' ? pairs.filter(([source, destination]) => source === destination) : pairs;
  const combinations = combine(scenario.options ?? {});
  const shapes = routesOf(scenario.route ?? 'pair', allowed).flatMap((route) =>
    (machineTypes.get(route[0]?.arch ?? '') ?? [])
      .filter((type) => own(type))
      .flatMap((machineType) => combinations.map((options) => ({ machineType, options, route }))),
  );
  return shapes.filter((shape) => scenario.only?.(shape) ?? true).map((shape) => candidateOf(scenario, shape));
}

/** A scenario's cell of that shape, on whatever route; undefined where the scenario has none there. */
export function cellOn(scenario: Scenario, shape: CellShape): PlannedCell | undefined {
  return (scenario.only?.(shape) ?? true) ? candidateOf(scenario, shape).planned : undefined;
}

function candidateOf(scenario: Scenario, shape: CellShape): Candidate {
  const { route, machineType, options } = shape;
  const otherwise = lackingBuild(route, machineType) ?? scenario.skip?.(shape);
  const lacksDevice = otherwise === undefined ? lackingDevice(scenario, shape) : undefined;
  const skip = otherwise ?? lacksDevice;
  const names = route.map(({ name }) => name);
  const cell = { scenario: scenario.title, file: scenario.file, route: names, machineType, options: { ...options } };
  const planned = { id: cellId(cell), ...cell, ...(skip !== undefined && { skip }) };
  return { planned, lacksDevice };
}

/** Every combination of one value of each option. */
export function combine(options: Readonly<Record<string, readonly string[]>>): Options[] {
  return Object.entries(options).reduce<Options[]>(
    (combined, [name, values]) => combined.flatMap((chosen) => values.map((value) => ({ ...chosen, [name]: value }))),
    [{}],
  );
}

function lackingBuild(route: readonly Build[], machineType: string): string | undefined {
  const lacking = route.find((build) => !build.probe.machineTypes.some(({ name }) => name === machineType));
  return lacking && `${lacking.name} (QEMU ${lacking.version.text}) has no machine type ${machineType}`;
}

/** Which build of the route lacks a device that the scenario puts on its command line there. */
function lackingDevice(scenario: Scenario, shape: CellShape): string | undefined {
  const { devices, destination } = scenario;
  const first = driversOf(() => commandWords(devices, shape));
  const later = destination ? driversOf(() => commandWords(destination(shape).devices ?? devices, shape)) : first;
  for (const [hop, build] of shape.route.entries()) {
    const driver = (hop === 0 ? first : later).find((name) => !build.probe.devices.includes(name));
    if (driver !== undefined) return `${build.name} (QEMU ${build.version.text}) has no device '${driver}'`;
  }
  return undefined;
}

function driversOf(words: () => readonly string[]): string[] {
  try {
    return devicesOf(words()).map(({ driver }) => driver);
  } catch {
    // A scenario whose devices cannot be told says so when its cell runs, where there is a report for it.
    return [];
  }
}

/** All machine types of all builds, aliases left out: an alias means another type on each build. Versions in their order. */
function sortedMachineTypes(builds: readonly Build[]): string[] {
  const names = new Set(builds.flatMap((build) => build.probe.machineTypes.map(({ name }) => name)));
  return [...names].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** Machine types by the architecture that has them. */
type MachineTypes = ReadonlyMap<string, readonly string[]>;

function machineTypesBy(builds: readonly Build[], isChosen: (type: string) => boolean): MachineTypes {
  const architectures = [...new Set(builds.map(({ arch }) => arch))];
  return new Map(
    architectures.map((arch) => [
      arch,
      sortedMachineTypes(builds.filter((build) => build.arch === arch)).filter(isChosen),
    ]),
  );
}

function checkMachine(wanted: string, builds: readonly Build[]): void {
  if (wanted === '') throw new UsageError("--machine '' names no machine type; accepted: names and globs");
  const matches = picomatch(wanted);
  if (sortedMachineTypes(builds).some((type) => matches(type))) return;
  // A machine of another architecture is for other scenarios of the run than those that are chosen; no build is there that knows its versions.
  const family = findFamily(wanted);
  const isVersioned = /[*?[{]|-\d+\.\d+/.test(wanted);
  if (family && isVersioned && !builds.some(({ arch }) => arch === family.architecture)) return;
  const aliased = builds.flatMap((build) => build.probe.machineTypes.filter(({ alias }) => alias === wanted));
  const named = [...new Set(aliased.map(({ name }) => name))].join(', ');
  if (named !== '')
    throw new UsageError(`--machine ${wanted} is an alias that means another type on each build; name one: ${named}`);
  const have = builds.map(({ name, version }) => `${name} (QEMU ${version.text})`).join(', ');
  throw new UsageError(`--machine ${wanted} is no machine type of ${have}; \`godwit machines\` lists what they have`);
}

/** A run in which no cell can run for want of devices is a slip of the pen; where some can, the others are skipped. */
function checkDevices(cells: readonly Candidate[]): void {
  const lacking = cells.find(({ lacksDevice }) => lacksDevice !== undefined);
  if (!lacking || cells.some(({ planned }) => planned.skip === undefined)) return;
  const { lacksDevice, planned } = lacking;
  throw new UsageError(`${lacksDevice}, which '${planned.scenario}' plugs in; accepted: what its -device help lists`);
}

function noPair(builds: readonly Build[], pairs: PairSelection): string {
  const several = new Set(builds.map(({ arch }) => arch)).size > 1;
  const named = builds.map(({ name, arch }) => (several ? `${name} (${arch})` : name));
  return `--pairs ${pairs} leaves no pair of ${named.join(', ')}${several ? ', and a pair is of one architecture' : ''}`;
}

function nothingSelected(planned: number, { grep, machines }: Selection): string {
  if (grep && planned > 0) return `--grep ${grep.source} matches none of ${planned} cells`;
  if (machines) return `--machine ${machines.join(' ')} leaves none of the machine types that the scenarios name`;
  return 'the scenarios and builds chosen make no cell';
}
