import { join } from 'node:path';
import type { Build } from '../../harness/build/build.js';
import type { Scenario } from '../../harness/scenario/definition.js';
import { runCell } from '../../harness/scenario/run-cell.js';
import { median } from './median.js';

const devices = 10;
/** Pairs that warm both up and are not counted. */
const warmUp = 5;

/** Runs a cell with ten devices, with the whole oracle and with configuration space alone in turn. Milliseconds. */
export async function measureOracle(
  build: Build,
  options: { folder: string; pairs: number },
): Promise<{ withMs: number; withoutMs: number; oracleMs: number }> {
  const times = { with: [] as number[], without: [] as number[] };
  for (let pair = -warmUp; pair < options.pairs; pair += 1) {
    // Who goes first takes turns too.
    const order = pair % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const);
    for (const which of order) {
      const startedMs = performance.now();
      const result = await runCell({
        scenario: scenarioOf(which === 'with'),
        route: [build, build],
        machineType: 'pc-q35-6.0',
        options: {},
        accel: 'tcg',
        guests: { cold: false },
        logFolder: join(options.folder, `oracle${pair}-${which}`),
        knownIssues: true,
      });
      if (result.verdict !== 'passed') throw new Error(`the cell is ${result.verdict}: ${result.reason}`);
      if (pair >= 0) times[which].push(performance.now() - startedMs);
    }
  }
  const [withMs, withoutMs] = [median(times.with), median(times.without)];
  return { withMs, withoutMs, oracleMs: withMs - withoutMs };
}

function scenarioOf(withOracle: boolean): Scenario {
  const slots = Array.from({ length: devices }, (_, index) => ['-device', `virtio-scsi-pci,addr=${index + 4}.0`]);
  return {
    title: 'ten devices',
    file: '',
    machines: 'pc-q35-6.0',
    devices: slots.flat(),
    ...(!withOracle && { oracle: false }),
    async body({ migrate }) {
      const { class: came } = await migrate();
      if (came !== 'completed') throw new Error(`the migration came to ${came}`);
    },
  };
}
