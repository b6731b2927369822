import { join } from 'node:path';
import type { Build } from '../../harness/build/build.js';
import type { Scenario } from '../../harness/scenario/definition.js';
import { runCell } from '../../harness/scenario/run-cell.js';
import { bareCell } from './bare-driver.js';
import { median } from './median.js';

const machineType = 'pc-q35-6.0';
/** Pairs that warm both up and are not counted. */
const warmUp = 5;

/** Runs a cell by the bare driver and by the harness in turn, in one process. Times in milliseconds. */
export async function measureCell(
  build: Build,
  scenario: Scenario,
  options: { folder: string; pairs: number },
): Promise<{ bareMs: number; harnessMs: number; ratio: number }> {
  const bare: number[] = [];
  const harness: number[] = [];
  for (let pair = -warmUp; pair < options.pairs; pair += 1) {
    const bareMs = await timed(() => bareCell(build, machineType));
    const harnessMs = await timed(async () => {
      const result = await runCell({
        scenario,
        route: [build, build],
        machineType,
        options: { n: '1' },
        accel: 'tcg',
        guests: { cold: false },
        logFolder: join(options.folder, `cell${pair}`),
        knownIssues: true,
      });
      if (result.verdict !== 'passed') throw new Error(`the cell is ${result.verdict}: ${result.reason}`);
    });
    if (pair < 0) continue;
    bare.push(bareMs);
    harness.push(harnessMs);
  }
  return { bareMs: median(bare), harnessMs: median(harness), ratio: median(harness) / median(bare) };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}
