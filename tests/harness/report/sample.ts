import type { CellResult, PlannedCell, RecordEvent } from '../../../harness/record/events.js';
import type { Finding, OutcomeRecord } from '../../../harness/record/outcome.js';

/** A moment `ms` milliseconds into every sample run. */
export function at(ms: number): string {
  return new Date(Date.UTC(2026, 10, 20, 12, 0, 0) + ms).toISOString();
}

/** A planned cell; its id spells out what is given. */
export function planned(scenario: string, route: string[], machineType: string): PlannedCell {
  const id = [scenario, route.join(' → '), machineType].join(' · ');
  const file = `tests/migration/${scenario}.test.ts`;
  return { id, scenario, file, route, machineType, options: {} };
}

/** A result that passed, with whatever else is given. */
export function result(given: Partial<CellResult> = {}): CellResult {
  return {
    verdict: 'passed',
    reason: '',
    findings: [],
    outcomes: [],
    durationMs: 50,
    phasesMs: { spawn: 2, greeting: 18, guest: 5, migration: 15, judging: 4, end: 6 },
    accel: 'tcg',
    rssBytes: 90_000_000,
    ...given,
  };
}

const slotLine =
  'qemu-system-x86_64: get_pci_config_device: Bad config data: i=0x6e read: 0 device: 40 cmask: ff wmask: 0 w1cmask:19';

/** The finding of the slot that the guest powered off, read from the line that QEMU 7.2 prints. */
export const slotFinding: Finding = {
  kind: 'config-mismatch',
  side: 'destination',
  summary: 'Slot Status of slot1 (00:05.0): PDS is 0 in the stream and 1 on the destination',
  line: slotLine,
  fields: { i: 0x6e, read: 0, device: 0x40 },
  device: 'slot1',
};

/** The migration that the finding explains. */
export function slotOutcome(from: string, to: string): OutcomeRecord {
  return {
    class: 'load-failure',
    from,
    to,
    source: { migrationStatus: 'completed', runState: 'postmigrate', errorLines: [] },
    destination: {
      exitCode: 1,
      errorLines: [slotLine, 'qemu-system-x86_64: load of migration failed: Invalid argument'],
    },
    totalMs: 14,
    downtimeMs: 3,
    transferredBytes: 312_456,
    findings: [slotFinding],
    differences: [
      {
        device: 'slot1',
        address: '00:05.0',
        offset: 0x6e,
        register: 'Slot Status',
        bits: ['PDS'],
        source: 0,
        destination: 0x40,
      },
    ],
  };
}

const old = 'deb:bookworm';
const young = 'deb:trixie';
const types = ['pc-q35-5.2', 'pc-q35-6.0', 'pc-q35-6.1', 'pc-q35-10.0'];
const slotIssue = { verdict: 'known', knownIssue: 'slot-power-off' } as const;

function plan(): PlannedCell[] {
  const pairs = [old, young].flatMap((from) => [old, young].map((to) => [from, to]));
  const cells = pairs.flatMap((route) =>
    types.flatMap((type) => {
      const skip =
        type === 'pc-q35-10.0' && route.includes(old) ? `deb:bookworm has no machine type ${type}` : undefined;
      return ['slot-power-off', 'hotplug-virtio-net'].map((scenario): PlannedCell => {
        return { ...planned(scenario, route, type), ...(skip === undefined ? {} : { skip }) };
      });
    }),
  );
  return [...cells, planned('reset-on-the-way', [old, young, old], 'pc-q35-6.0')];
}

function resultOf(cell: PlannedCell, index: number): CellResult {
  const [from = '', to = ''] = cell.route;
  if (cell.skip !== undefined) return result({ verdict: 'skipped', reason: cell.skip, durationMs: 0, phasesMs: {} });
  if (cell.scenario === 'slot-power-off' && to === old && cell.route.length === 2) {
    const evidence = { findings: [slotFinding], outcomes: [slotOutcome(from, to)], folder: `cells/${index}` };
    const reason = 'the destination refused the stream';
    if (cell.machineType === 'pc-q35-6.1') return result({ ...evidence, verdict: 'failed', reason });
    return result({ ...evidence, ...slotIssue, reason });
  }
  if (cell.scenario === 'hotplug-virtio-net' && cell.machineType === 'pc-q35-5.2' && from === young && to === young) {
    return result({ verdict: 'fixed', knownIssue: 'hotplug-lost', reason: 'the known issue did not happen' });
  }
  return result();
}

/** A run with every verdict, two cells at a time, a cell that never finishes and one that is flaky; about six cells a second. */
export function sampleRun(): RecordEvent[] {
  const cells = plan();
  const flaky = cells.find(({ id }) => id.startsWith('hotplug') && id.endsWith('pc-q35-6.0'))?.id;
  const lost = cells.findLast(({ scenario }) => scenario === 'hotplug-virtio-net')?.id;
  const events: RecordEvent[] = [
    {
      event: 'run-started',
      version: 1,
      at: at(0),
      godwit: '0.1.0',
      argv: ['run', '--source', old, young],
      seed: 42,
      jobs: 2,
      builds: [
        { name: old, version: '7.2.22', package: '1:7.2+dfsg-7+deb12u18', sha256: 'a'.repeat(64) },
        { name: young, version: '10.0.13', package: '1:10.0.13+ds-0+deb13u1', sha256: 'b'.repeat(64) },
      ],
      cells,
    },
  ];
  let ms = 0;
  for (const [index, cell] of cells.entries()) {
    if (cell.skip === undefined)
      events.push({ event: 'cell-started', at: at(ms), cell: cell.id, attempt: 1, worker: index % 2 });
    ms += 170;
    if (cell.id === lost) continue;
    const finished = { event: 'cell-finished', at: at(ms), cell: cell.id } as const;
    if (cell.id === flaky) {
      const failed = result({ verdict: 'failed', reason: 'the guest did not see the device within 2000 ms' });
      events.push({ ...finished, attempt: 1, retried: true, result: failed });
      events.push({ event: 'cell-started', at: at(ms), cell: cell.id, attempt: 2, worker: 0 });
      events.push({ ...finished, attempt: 2, retried: false, result: result() });
    } else {
      events.push({ ...finished, attempt: 1, retried: false, result: resultOf(cell, index) });
    }
  }
  events.push({ event: 'run-finished', at: at(ms), exitStatus: 3, interrupted: false, durationMs: ms });
  return events;
}
