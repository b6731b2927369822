import { execaNode } from 'execa';
import { join } from 'node:path';
import type { Build } from '../../harness/build/build.js';
import { packageRoot } from '../../harness/core/package-root.js';
import type { CellResult } from '../../harness/record/events.js';
import { readRecord } from '../../harness/record/read.js';
import { bareCell } from './bare-driver.js';
import { median } from './median.js';

const command = join(packageRoot, 'dist', 'harness', 'cli', 'main.js');

export interface RunFigures {
  /** Cells a second, from the start of the command to its exit. */
  harnessRate: number;
  bareRate: number;
  bareJobs: number;
  ratio: number;
  /** Phases with their medians in milliseconds. */
  phases: string;
  /** Resident memory in bytes: the largest process, workers in the second quarter of the run and in the last. */
  peakBytes: number;
  earlyBytes: number;
  lateBytes: number;
}

/** Runs many cells by the command, and as many by bare drivers at several degrees of concurrency, half of them before and half after. */
export async function measureRun(
  build: Build,
  options: { folder: string; file: string; cells: number; bare?: boolean },
): Promise<RunFigures> {
  const { cells } = options;
  const bareCells = options.bare === false ? 0 : Math.ceil(cells / 5);
  const before = await bareRates(build, bareCells);
  const output = join(options.folder, `run${cells}`);
  const startedMs = performance.now();
  const words = ['run', options.file, '--source', build.name, '--jobs', 'auto', '--accel', 'tcg', '--output', output];
  await execaNode(command, words, { env: { GODWIT_BENCH_CELLS: String(cells) }, stdout: 'ignore' });
  const harnessRate = cells / ((performance.now() - startedMs) / 1000);
  const after = await bareRates(build, bareCells);
  const best = before.map(({ jobs, rate }, index) => ({ jobs, rate: (rate + (after[index]?.rate ?? rate)) / 2 }));
  const bare = best.reduce((a, b) => (b.rate > a.rate ? b : a), { jobs: 0, rate: 0 });
  return {
    harnessRate,
    bareRate: bare.rate,
    bareJobs: bare.jobs,
    ratio: harnessRate / bare.rate,
    ...(await recordFigures(output)),
  };
}

async function bareRates(build: Build, cells: number): Promise<{ jobs: number; rate: number }[]> {
  const rates: { jobs: number; rate: number }[] = [];
  for (const jobs of cells === 0 ? [] : [1, 2, 3, 4]) {
    let left = cells;
    const startedMs = performance.now();
    const lane = async (): Promise<void> => {
      while (left-- > 0) await bareCell(build, 'pc-q35-6.0');
    };
    await Promise.all(Array.from({ length: jobs }, lane));
    rates.push({ jobs, rate: cells / ((performance.now() - startedMs) / 1000) });
  }
  return rates;
}

async function recordFigures(output: string) {
  const results: CellResult[] = [];
  let mainBytes = 0;
  for await (const event of readRecord(join(output, 'record.ndjson'))) {
    if (event.event === 'cell-finished') results.push(event.result);
    if (event.event === 'run-finished') mainBytes = event.peakRssBytes ?? 0;
  }
  const bad = results.find(({ verdict }) => verdict !== 'passed');
  if (bad) throw new Error(`a cell of the benchmark is ${bad.verdict}: ${bad.reason}`);
  const names = ['spawn', 'greeting', 'guest', 'migration', 'judging', 'end'] as const;
  const phases = names
    .map((name) => `${name} ${median(results.map(({ phasesMs }) => phasesMs[name] ?? 0)).toFixed(1)}`)
    .join(', ');
  const largest = (some: CellResult[]): number => Math.max(...some.map(({ rssBytes }) => rssBytes));
  const quarter = Math.ceil(results.length / 4);
  return {
    phases,
    peakBytes: Math.max(mainBytes, largest(results)),
    earlyBytes: largest(results.slice(quarter, 2 * quarter)),
    lateBytes: largest(results.slice(-quarter)),
  };
}
