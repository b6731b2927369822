import type { MigrationState } from '../protocol/numbers.js';

/** Arcs between the states of a device that migrates. Source: QEMU docs/interop/vfio-user.rst, "Direct State Transitions". */
const arcs: Readonly<Record<MigrationState, readonly MigrationState[]>> = {
  ERROR: [],
  STOP: ['RUNNING', 'STOP_COPY', 'RESUMING'],
  RUNNING: ['STOP', 'PRE_COPY'],
  STOP_COPY: ['STOP'],
  RESUMING: ['STOP'],
  PRE_COPY: ['RUNNING', 'STOP_COPY'],
};

const saving: readonly MigrationState[] = ['STOP_COPY', 'PRE_COPY'];

/**
 * The states on the shortest way from one to another, with the last and without the first; no state of saving lies between them.
 * Undefined where there is no way, and from STOP_COPY to PRE_COPY, which the specification forbids.
 */
export function wayTo(from: MigrationState, to: MigrationState): MigrationState[] | undefined {
  if (from === 'STOP_COPY' && to === 'PRE_COPY') return undefined;
  if (from === to) return [];
  const ways: MigrationState[][] = [[]];
  const seen = new Set([from]);
  for (let way = ways.shift(); way; way = ways.shift()) {
    const last = way.at(-1) ?? from;
    if (way.length > 0 && saving.includes(last)) continue;
    if (arcs[last].includes(to)) return [...way, to];
    for (const next of arcs[last]) {
      if (seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return undefined;
}
