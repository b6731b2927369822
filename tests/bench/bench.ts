import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { Deadline } from '../../harness/core/deadline.js';
import { packageRoot } from '../../harness/core/package-root.js';
import { linuxSystem } from '../../harness/guest/linux/system.js';
import { PrivateFolder } from '../../harness/machine/private-folder.js';
import { resolveBuild } from '../../harness/build/resolve.js';
import { loadScenarios } from '../../harness/scenario/load.js';
import { measureCell } from './one-cell.js';
import { measureReading } from './reading.js';
import { measurePayloadStart, measureWarmStart } from './running-guests.js';
import { measureOracle } from './state-oracle.js';
import { measureRoundTrips } from './round-trips.js';
import { measureTee } from './teeing.js';
import { measureMemory, measureRun } from './whole-run.js';

/** The build that all figures are taken on: one without the bug, so that every cell passes. */
const build = await resolveBuild('deb:trixie', { onProgress: (text) => void process.stderr.write(`${text}\n`) });
const file = join(packageRoot, 'dist', 'tests', 'bench', 'slot.scenario.js');
using folder = PrivateFolder.create();

const quick = process.argv.includes('--quick');
const amounts = quick
  ? { pairs: 10, cells: 50, manyCells: 100, trips: 1000, ramMiB: 256, starts: 10, boots: 3 }
  : { pairs: 60, cells: 500, manyCells: 1000, trips: 5000, ramMiB: 1024, starts: 40, boots: 7 };

print(`QEMU ${build.version.text}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, load ${load()}`);

const [scenario] = await loadScenarios([file]);
if (!scenario) throw new Error(`${file} declares no scenario`);
const cell = await measureCell(build, scenario, { folder: folder.path, pairs: amounts.pairs });
print(
  `one cell: ${cell.harnessMs.toFixed(1)} ms, bare driver ${cell.bareMs.toFixed(1)} ms (medians of ${amounts.pairs}, in turn)`,
  `  ratio ${cell.ratio.toFixed(2)} (at most 1.3)`,
);

const oracle = await measureOracle(build, { folder: folder.path, pairs: amounts.pairs });
print(
  `state oracle: a cell with ten devices takes ${oracle.withMs.toFixed(1)} ms, ${oracle.withoutMs.toFixed(1)} ms without (medians of ${amounts.pairs}, in turn)`,
  `  ${oracle.oracleMs.toFixed(1)} ms per ten devices (at most 15)`,
);

const trips = await measureRoundTrips(build, { folder: folder.path, trips: amounts.trips });
print(
  `QMP round trips: ${trips.clientPerSecond.toFixed(0)}/s, raw socket ${trips.rawPerSecond.toFixed(0)}/s (medians of 5, in turn)`,
  `  ratio ${trips.ratio.toFixed(2)} (at least 0.85)`,
);

const run = await measureRun(build, { folder: folder.path, file, cells: amounts.cells });
print(
  `${amounts.cells} cells at --jobs auto: ${run.harnessRate.toFixed(1)} cells/s from start to exit, bare driver at its best ${run.bareRate.toFixed(1)} cells/s with ${run.bareJobs} at once`,
  `  ratio ${run.ratio.toFixed(2)} (at least 0.75; rounds ${run.ratios})`,
  `  where a cell's time went (medians, ms): ${run.phases}`,
);

const many = await measureMemory(build, { folder: folder.path, file, cells: amounts.manyCells });
print(
  `memory over ${amounts.manyCells} cells: largest process ${megabytes(many.peakBytes)} MB (at most 200)`,
  `  workers after the first quarter ${megabytes(many.earlyBytes)} MB, at the end ${megabytes(many.lateBytes)} MB`,
);
const reading = await measureReading(build, { folder: folder.path, ramMiB: amounts.ramMiB, turns: 5 });
print(
  `stream show of ${megabytes(reading.bytes)} MB: ${reading.fileMs.toFixed(0)} ms from a file, ${reading.pipeMs.toFixed(0)} ms through a pipe, cat through a pipe ${reading.catMs.toFixed(0)} ms (medians of 5, in turn)`,
  `  ratio of rates through the pipe ${(reading.catMs / reading.pipeMs).toFixed(2)} (at least 0.5), largest process ${megabytes(reading.peakBytes)} MB (at most 150)`,
);

const payload = await measurePayloadStart(build, { folder: folder.path, turns: amounts.starts });
print(
  `payload guest: its answer after ${payload.payloadMs.toFixed(1)} ms, the first byte of a bare one after ${payload.bareMs.toFixed(1)} ms (medians of ${amounts.starts}, in turn)`,
  `  ratio ${payload.ratio.toFixed(2)} (at most 1.5)`,
);

const [linux] = await loadScenarios([join(packageRoot, 'dist', 'tests', 'bench', 'linux.scenario.js')]);
if (!linux) throw new Error('there is no Linux cell to measure');
await fetchLinux();
const warm = await measureWarmStart(build, linux, { folder: folder.path, turns: amounts.boots });
print(
  `Linux cell: ${warm.warmMs.toFixed(0)} ms warm, ${warm.coldMs.toFixed(0)} ms cold (medians of ${amounts.boots}, in turn)`,
  `  ratio ${warm.ratio.toFixed(2)} (at most 0.35)`,
);

// At QEMU's own limit of 128 MiB a second, as people migrate; and as fast as it goes, where a relay is one process more on the way.
for (const [how, bandwidth] of [
  ['usual', undefined],
  ['unlimited', 100e9],
] as const) {
  const tee = await measureTee(build, {
    ...{ folder: folder.path, ramMiB: amounts.ramMiB / 4, turns: 3 },
    ...(bandwidth !== undefined && { bandwidth }),
  });
  print(
    `a migration of ${megabytes(tee.bytes)} MB at ${how} bandwidth: ${tee.straightMs} ms, with a tee ${tee.teedMs} ms (medians of 3, in turn)`,
    `  ratio ${(tee.teedMs / tee.straightMs).toFixed(2)}${bandwidth === undefined ? ' (at most 1.1)' : ''}`,
  );
}

print(`load at the end ${load()}`);

async function fetchLinux(): Promise<void> {
  const onProgress = (text: string): void => void process.stderr.write(`${text}\n`);
  await linuxSystem({}, { deadline: Deadline.after(600_000), fetch: true, onProgress });
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

function load(): string {
  return loadavg()
    .map((average) => average.toFixed(2))
    .join(' ');
}

function print(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
