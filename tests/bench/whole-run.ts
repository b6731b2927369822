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
  /** Harness against bare driver: the middle one of the rounds, and all of them. */
  ratio: number;
  ratios: string;
  /** Phases with their medians in milliseconds. */
  phases: string;
  /** Resident memory in bytes: the largest process, workers in the second quarter of the run and in the last. */
  peakBytes: number;
  earlyBytes: number;
  lateBytes: number;
}

/** Rounds of a bare turn and a turn of the command: the machine's speed drifts, and the ratio of neighbours holds all the same. */
const rounds = 3;

/** Runs many cells by the command, and between its turns some by bare drivers, at several degrees of concurrency. */
export async function measureRun(
  build: Build,
  options: { folder: string; file: string; cells: number },
): Promise<RunFigures> {
  const { cells } = options;
  const turns: { harness: number; bare: BareRate }[] = [];
  const output = join(options.folder, `run${cells}`);
  for (let round = 0; round < rounds; round += 1) {
    const before = await bestBareRate(build, Math.ceil(cells / 5));
    const harness = await commandRate(build, { ...options, output });
    const after = await bestBareRate(build, Math.ceil(cells / 5));
    turns.push({ harness, bare: { jobs: before.jobs, rate: (before.rate + after.rate) / 2 } });
  }
  const ratioOf = ({ harness, bare }: (typeof turns)[number]): number => harness / bare.rate;
  const middle = turns.sort((a, b) => ratioOf(a) - ratioOf(b))[turns.length >> 1];
  if (!middle) throw new Error('no round was run');
  return {
    harnessRate: middle.harness,
    bareRate: middle.bare.rate,
    bareJobs: middle.bare.jobs,
    ratio: ratioOf(middle),
    ratios: turns.map((turn) => ratioOf(turn).toFixed(2)).join(' '),
    ...(await recordFigures(output)),
  };
}

/** Runs many cells by the command once, for what it needs of memory. */
export async function measureMemory(
  build: Build,
  options: { folder: string; file: string; cells: number },
): Promise<Pick<RunFigures, 'peakBytes' | 'earlyBytes' | 'lateBytes'>> {
  const output = join(options.folder, `run${options.cells}`);
  await commandRate(build, { ...options, output });
  return recordFigures(output);
}

interface BareRate {
  jobs: number;
  /** Cells a second. */
  rate: number;
}

async function commandRate(
  build: Build,
  { file, cells, output }: { file: string; cells: number; output: string },
): Promise<number> {
  const startedMs = performance.now();
  const words = ['run', file, '--source', build.name, '--jobs', 'auto', '--accel', 'tcg', '--output', output];
  await execaNode(command, words, { env: { GODWIT_BENCH_CELLS: String(cells) }, stdout: 'ignore' });
  return cells / ((performance.now() - startedMs) / 1000);
}

async function bestBareRate(build: Build, cells: number): Promise<BareRate> {
  let best: BareRate = { jobs: 0, rate: 0 };
  for (const jobs of [2, 3, 4]) {
    let left = cells;
    const startedMs = performance.now();
    const lane = async (): Promise<void> => {
      while (left-- > 0) await bareCell(build, 'pc-q35-6.0');
    };
    await Promise.all(Array.from({ length: jobs }, lane));
    const rate = cells / ((performance.now() - startedMs) / 1000);
    if (rate > best.rate) best = { jobs, rate };
  }
  return best;
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
