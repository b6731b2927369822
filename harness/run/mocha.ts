import { join } from 'node:path';
import type { Build } from '../build/build.js';
import { defaultBuilds, resolveBuilds } from '../build/resolve.js';
import { Machine } from '../machine/machine.js';
import { SweptFolder } from '../machine/private-folder.js';
import type { CellResult, PlannedCell } from '../record/events.js';
import { type Scenario, wholeTimeoutOf } from '../scenario/definition.js';
import { observeScenarios } from '../scenario/registry.js';
import { runCell } from '../scenario/run-cell.js';
import { acceleratorFor } from './accelerator.js';
import { cellFolder } from './output-folder.js';
import { planCells } from './plan.js';
import { usualBuilds, usualGuests, usualMachines } from './usual.js';

/** Milliseconds beyond a cell's own deadline after which mocha gives it up. */
const graceMs = 30_000;

/**
 * Makes every cell of every scenario that is declared from now on a test of the mocha that runs this process.
 * GODWIT_BUILDS and GODWIT_MACHINES (lists with commas between) choose builds and machine types; GODWIT_OUTPUT the folder of the logs.
 * Throws UsageError and BuildError as `godwit run` would.
 */
export async function becomeMochaTests(environment: NodeJS.ProcessEnv): Promise<void> {
  const folder = SweptFolder.create();
  process.on('exit', () => {
    Machine.killAll();
    folder[Symbol.dispose]();
  });
  const builds = await buildsOf(environment['GODWIT_BUILDS']);
  const machines = environment['GODWIT_MACHINES']?.split(',') ?? [usualMachines];
  const output = environment['GODWIT_OUTPUT'] ?? 'godwit-out';
  observeScenarios((scenario) => {
    const cells = planCells([scenario], { sources: builds, destinations: builds, pairs: 'all', machines });
    describe(scenario.title, () => {
      for (const cell of cells) declareCell(cell, scenario, { builds, output, temporaryFolder: folder.path });
    });
  });
}

interface MochaRun {
  builds: readonly Build[];
  output: string;
  temporaryFolder: string;
}

function declareCell(cell: PlannedCell, scenario: Scenario, run: MochaRun): void {
  it(cell.id.slice(cell.id.lastIndexOf('[')), async function () {
    if (cell.skip !== undefined) this.skip();
    this.timeout(wholeTimeoutOf(scenario) + graceMs);
    const route = cell.route.flatMap((name) => run.builds.filter((build) => build.name === name));
    const result = await runCell({
      scenario,
      route,
      machineType: cell.machineType,
      options: cell.options,
      accel: acceleratorFor(route, 'auto'),
      guests: usualGuests,
      logFolder: join(run.output, cellFolder(cell.id, 1)),
      temporaryFolder: run.temporaryFolder,
      knownIssues: true,
    });
    if (result.verdict === 'known') this.skip();
    if (result.verdict === 'failed' || result.verdict === 'broken') throw new Error(explain(result));
  });
}

function explain({ verdict, reason, findings }: CellResult): string {
  return [`${verdict}: ${reason}`, ...findings.map(({ summary }) => summary)].join('\n');
}

async function buildsOf(names: string | undefined): Promise<Build[]> {
  const onProgress = (text: string): void => void process.stderr.write(`${text}\n`);
  if (names !== undefined) return resolveBuilds(names.split(','), { onProgress });
  const { builds, note } = await defaultBuilds(usualBuilds, { onProgress });
  if (note !== undefined) onProgress(note);
  return builds;
}
