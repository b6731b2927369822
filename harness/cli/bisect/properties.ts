import type { MachineTypes } from '../../bisect/properties/candidates.js';
import { separationOf } from '../../bisect/properties/candidates.js';
import { Rehearsal } from '../../bisect/properties/rehearsal.js';
import { propertyData, propertyReport } from '../../bisect/properties/report.js';
import { type CellOfBoth, searchProperties } from '../../bisect/properties/search.js';
import { anyFailure } from '../../bisect/inquiry.js';
import type { Build } from '../../build/build.js';
import { resolveBuild, type ResolveOptions } from '../../build/resolve.js';
import { UsageError } from '../../core/errors.js';
import type { PlannedCell } from '../../record/events.js';
import { acceleratorFor } from '../../run/accelerator.js';
import { planCells } from '../../run/plan.js';
import { usualBuilds } from '../../run/usual.js';
import type { Scenario } from '../../scenario/definition.js';
import type { BisectWords } from './options.js';
import { inReduction, say, writeReduction } from './reduction.js';
import { compileFor } from '../options/compile-options.js';
import { buildsOf, oneArchitecture } from '../options/named-builds.js';
import { prepareCells, scenariosOf, sessionWords } from '../options/cell-options.js';

/** `godwit bisect --properties`: which of the properties that separate two machine types makes the difference. */
export async function bisectProperties(paths: string[], words: BisectWords, signal: AbortSignal): Promise<void> {
  const startedMs = performance.now();
  const types = machineTypesOf(words);
  const { files, scenarios } = await scenariosOf(paths);
  const compile = compileFor(scenarios, words);
  const [source, destination] = await sidesOf(scenarios, { words, types }, { signal, compile });
  const cells = cellsOfBoth(scenarios, { words, types, source, destination });
  const builds = [...new Set([source, destination])];
  const tellers = [...builds, ...(await cachedBuilds(builds, signal))];
  await prepareCells({ cells: cells.map(({ bad }) => bad), builds, scenarios }, { ...sessionWords(words), signal });
  const question = { search: 'properties', '--good': types.good, '--bad': types.bad };
  const setup = { words, files, scenarios, builds, compile, question, judge: anyFailure, signal };
  const findings = await inReduction(setup, (inquiry) =>
    searchProperties(inquiry, {
      ...{ builds, cells, types, signal, onProgress: say, certainty: words },
      separation: async (cell) => {
        const route = cell.route.flatMap((name) => builds.filter((build) => build.name === name));
        using rehearsal = new Rehearsal({
          scenario: scenarioOf(scenarios, cell.scenario),
          shape: { options: cell.options, route },
          ...{ accel: acceleratorFor(route, words.accel), signal },
        });
        return await separationOf(rehearsal, types, tellers);
      },
    }),
  );
  const context = {
    ...{ types, durationMs: performance.now() - startedMs },
    runWords: runWords(paths, { source, destination, types, cells: findings.cells }),
  };
  const report = { text: propertyReport(findings, context), data: propertyData(findings, context) };
  writeReduction(words.output, report);
  process.exitCode = findings.found.length > 0 ? 0 : 1;
}

function machineTypesOf({ good, bad, machine }: BisectWords): MachineTypes {
  if (good === undefined || bad === undefined)
    throw new UsageError('--properties needs two machine types: --good MACHINETYPE and --bad MACHINETYPE');
  if (good === bad) throw new UsageError(`--good and --bad are both ${good}; accepted: two machine types`);
  if (machine) throw new UsageError('--machine has no meaning beside --good and --bad, which name the machine types');
  return { good, bad };
}

async function sidesOf(
  scenarios: readonly Scenario[],
  { words, types }: Pick<Both, 'words' | 'types'>,
  how: Pick<ResolveOptions, 'signal' | 'compile'>,
): Promise<[source: Build, destination: Build]> {
  if (words.source === undefined && words.destination === undefined)
    throw new UsageError('--properties needs the build that has both machine types: --source BUILD');
  const wanted = { ...words, machine: [types.good, types.bad] };
  const architectures = oneArchitecture(scenarios, { ...wanted, names: [words.source, words.destination] }, say);
  const { sources, destinations } = await buildsOf(scenarios, wanted, { ...how, architectures, say });
  const [source] = sources;
  const [destination] = destinations;
  if (!source || !destination) throw new UsageError('--source and --destination name one build each');
  return [source, destination];
}

/** Other builds that are there anyway: one of them may tell what these do not. */
async function cachedBuilds(known: readonly Build[], signal: AbortSignal): Promise<Build[]> {
  const others = usualBuilds.filter((name) => !known.some((build) => build.name === name));
  const tried = await Promise.allSettled(others.map((name) => resolveBuild(name, { signal, fetch: false })));
  return tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

interface Both {
  words: BisectWords;
  types: MachineTypes;
  source: Build;
  destination: Build;
}

/** The cells that there are on both machine types, in pairs. Throws UsageError when there is none. */
function cellsOfBoth(scenarios: readonly Scenario[], { words, types, source, destination }: Both): CellOfBoth[] {
  const planned = (machineType: string): PlannedCell[] =>
    planCells(scenarios, {
      ...{ sources: [source], destinations: [destination], pairs: 'all', machines: [machineType] },
      ...(words.grep && { grep: words.grep }),
    }).filter(({ skip }) => skip === undefined);
  const good = planned(types.good);
  const pairs = planned(types.bad).flatMap((bad) => {
    const same = good.find(
      (cell) => cell.scenario === bad.scenario && JSON.stringify(cell.options) === JSON.stringify(bad.options),
    );
    return same ? [{ bad, good: same }] : [];
  });
  if (pairs.length > 0) return pairs;
  throw new UsageError(`no cell that can run is there on both ${types.good} and ${types.bad}`);
}

function runWords(
  paths: readonly string[],
  { source, destination, types, cells }: Omit<Both, 'words'> & { cells: readonly CellOfBoth[] },
): string[] {
  const titles = [...new Set(cells.map(({ bad }) => bad.scenario))].map((title) =>
    title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
  );
  const [title = ''] = titles;
  const grep = titles.length === 1 ? `^${title} \\[` : `^(${titles.join('|')}) \\[`;
  const builds = ['--source', source.name, '--destination', destination.name];
  return [
    ...paths,
    ...builds,
    '--machine',
    types.bad,
    '--grep',
    titles.length === 1 ? grep.replace(/[()]/g, '') : grep,
  ];
}

function scenarioOf(scenarios: readonly Scenario[], title: string): Scenario {
  const found = scenarios.find((scenario) => scenario.title === title);
  if (!found) throw new UsageError(`there is no scenario '${title}'`);
  return found;
}
