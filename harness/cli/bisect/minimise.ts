import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkScenarioFile } from '../../bisect/minimise/check.js';
import { minimise, SameWay } from '../../bisect/minimise/minimise.js';
import { minimalData, minimalReport } from '../../bisect/minimise/report.js';
import { scenarioText } from '../../bisect/minimise/scenario-file.js';
import { UsageError } from '../../core/errors.js';
import type { PlannedCell } from '../../record/events.js';
import { planCells } from '../../run/plan.js';
import type { Scenario } from '../../scenario/definition.js';
import type { BisectWords } from './options.js';
import { inReduction, say, writeReduction } from './reduction.js';
import { compileFor } from '../options/compile-options.js';
import { buildsOf, type Sides } from '../options/named-builds.js';
import { prepareCells, scenariosOf, sessionWords } from '../options/cell-options.js';

/** How many cells are named where one was wanted. */
const mostNamed = 5;

/** `godwit bisect --minimise`: the fewest devices, properties and actions with which one cell fails in the same way. */
export async function bisectMinimise(paths: string[], words: BisectWords, signal: AbortSignal): Promise<void> {
  const startedMs = performance.now();
  const { files, scenarios } = await scenariosOf(paths);
  const compile = compileFor(scenarios, words);
  const { sources, destinations } = await buildsOf(scenarios, words, { signal, compile, say });
  const cell = onlyCell(scenarios, { words, sources, destinations });
  checkWritable(scenarioOf(scenarios, cell));
  const all = [...new Set([...sources, ...destinations])];
  const route = cell.route.flatMap((name) => all.filter((build) => build.name === name));
  const builds = [...new Set(route)];
  const settings = { ...sessionWords(words), signal };
  await prepareCells({ cells: [cell], builds, scenarios }, settings);

  const sameWay = new SameWay();
  const question = { search: 'minimise', cell: cell.id };
  const setup = { words, files, scenarios, builds, compile, question, judge: sameWay.judge, signal };
  const minimal = await inReduction(setup, (inquiry) =>
    minimise(inquiry, sameWay, {
      ...{ scenario: scenarioOf(scenarios, cell), cell, route, signal, onProgress: say, certainty: words },
    }),
  );
  const scenarioFile = join(words.output, 'minimal.scenario.ts');
  const script = join(words.output, 'reproduce.sh');
  writeFileSync(scenarioFile, scenarioText(minimal).text);
  copyFileSync(join(words.output, minimal.result.folder ?? '', 'reproduce.sh'), script);
  say(`running ${scenarioFile}`);
  const output = join(words.output, 'check');
  const session = { ...settings, output, retries: 0, seed: 0, knownIssues: false };
  const checked = await checkScenarioFile(scenarioFile, { cell, builds, signature: minimal.signature, session });
  const context = { checked, durationMs: performance.now() - startedMs, scenarioFile, script };
  writeReduction(words.output, { text: minimalReport(minimal, context), data: minimalData(minimal, context) });
}

/** The one cell that the words select. Throws UsageError that names some where there are several. */
function onlyCell(
  scenarios: readonly Scenario[],
  { words, sources, destinations }: Sides & { words: BisectWords },
): PlannedCell {
  const cells = planCells(scenarios, {
    ...{ sources, destinations, pairs: 'all' },
    ...(words.machine && { machines: words.machine }),
    ...(words.grep && { grep: words.grep }),
  });
  const [cell] = cells;
  if (cell && cells.length === 1) return cell;
  const named = cells.slice(0, mostNamed).map(({ id }) => `\n  ${id}`);
  const more = cells.length > mostNamed ? `\n  and ${cells.length - mostNamed} more` : '';
  throw new UsageError(
    `--minimise wants one cell, and ${cells.length} are selected; --grep, --machine, --source and --destination narrow them:${named.join('')}${more}`,
  );
}

/** Throws UsageError for a scenario that a file of devices and actions cannot be: what its body does with servers is no action of the guest. */
function checkWritable({ title, vfioUser }: Scenario): void {
  if (!vfioUser) return;
  throw new UsageError(
    `--minimise writes what is left as devices and what the guest and its machine are asked for, and '${title}' has vfio-user servers besides`,
  );
}

function scenarioOf(scenarios: readonly Scenario[], cell: PlannedCell): Scenario {
  const found = scenarios.find(({ title }) => title === cell.scenario);
  if (!found) throw new UsageError(`there is no scenario '${cell.scenario}'`);
  return found;
}
