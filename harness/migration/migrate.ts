import { join } from 'node:path';
import type { Deadline } from '../core/deadline.js';
import { ProtocolError } from '../core/errors.js';
import type { SocketAddress } from '../core/socket.js';
import type { PlacedDevice } from '../diagnosis/device-name.js';
import { diagnose, type TopologyView } from '../diagnosis/diagnose.js';
import { placeDevices } from '../diagnosis/placed-devices.js';
import type { ConfigSnapshot } from '../guest/config-snapshot.js';
import type { Machine } from '../machine/machine.js';
import { ExecuteError, ExecuteInterruptedError } from '../qmp/errors.js';
import type { Finding, RegisterDifference, Side } from '../record/outcome.js';
import { classify, type Evidence } from './classify.js';
import { compareViews, findingOfDifference, type View } from './compare.js';
import { examine } from './evidence.js';
import type { Outcome } from './outcome.js';
import { defaultStallMs, Phases } from './phases.js';
import { configure, type MigrationPlan } from './plan.js';
import { Relay } from './relay/relay.js';

export interface MigrateOptions {
  plan: MigrationPlan;
  deadline: Deadline;
  /** Milliseconds without any progress after which the migration counts as hung; ten seconds unless told. */
  stallMs?: number;
  /** Reads a machine's state from outside: before on the source, after on the destination. */
  look: (machine: Machine) => Promise<View>;
  /** Called with the milliseconds that the migration took, and those that looking and judging took. */
  onPhase?: (phase: 'migration' | 'judging', ms: number) => void;
}

/** Migrates a guest from one running QEMU to another that waits for it (`-incoming defer`), and judges what happened on both. */
export async function migrate(source: Machine, destination: Machine, options: MigrateOptions): Promise<Outcome> {
  const { plan, deadline } = options;
  const looking = stopwatch();
  const logFrom = { source: source.log().length, destination: destination.log().length };
  const [before, address] = await Promise.all([
    options.look(source),
    listen(destination, plan),
    configure(source, plan),
  ]);
  await using relay = await between(destination, address, plan);
  const lookedMs = looking();

  const moving = stopwatch();
  const phases = new Phases(source, destination, { deadline, stallMs: options.stallMs ?? defaultStallMs });
  const refusal = await start(source, relay?.uri ?? uriOf(address));
  const settled = refusal !== undefined || (await phases.settled());
  const [sourceEvidence, destinationEvidence] = await Promise.all([
    examine(source, { deadline, logFrom: logFrom.source, exitsOnError: false }),
    examine(destination, { deadline, logFrom: logFrom.destination, exitsOnError: plan.exitOnError ?? true }),
  ]);
  options.onPhase?.('migration', moving());
  if (refusal === undefined) relay?.verify();

  const judging = stopwatch();
  const arrived = settled && destinationEvidence.alive && destinationEvidence.outcome.migrationStatus === 'completed';
  const after = arrived ? await options.look(destination) : undefined;
  const differences = after ? compareViews(before, after) : [];
  const evidence: Evidence = {
    source: sourceEvidence,
    destination: destinationEvidence,
    settled,
    ...(refusal !== undefined && { refusal }),
    differs: differences.length > 0,
  };
  const outcome: Outcome = {
    class: classify(evidence),
    from: source.spec.build.name,
    to: destination.spec.build.name,
    source: { ...sourceEvidence.outcome, ...(refusal !== undefined && { refusal }) },
    destination: destinationEvidence.outcome,
    ...sourceEvidence.figures,
    ...(relay && { channels: relay.figures }),
    findings: findingsOf(evidence, differences, {
      source: viewOf(source, before.config),
      destination: viewOf(destination, before.config),
    }),
    differences,
    configSpace: { before: before.config, ...(after && { after: after.config }) },
  };
  options.onPhase?.('judging', judging() + lookedMs);
  return outcome;
}

/** Makes the destination listen, and returns where. */
async function listen(destination: Machine, plan: MigrationPlan): Promise<SocketAddress> {
  await configure(destination, plan);
  const path = join(destination.options.folder, `${destination.label}.stream`);
  const uri = plan.channel === 'tcp' ? 'tcp:127.0.0.1:0' : `unix:${path}`;
  const exitOnError = plan.exitOnError === undefined ? {} : { 'exit-on-error': plan.exitOnError };
  await destination.qmp.execute('migrate-incoming', { uri, ...exitOnError });
  if (plan.channel !== 'tcp') return { path };
  const [address] = (await destination.qmp.execute('query-migrate'))['socket-address'] ?? [];
  if (address?.type !== 'inet') throw new ProtocolError('the destination listens on TCP and does not say where');
  return { host: '127.0.0.1', port: Number(address.port) };
}

function uriOf(address: SocketAddress): string {
  return 'path' in address ? `unix:${address.path}` : `tcp:${address.host}:${address.port}`;
}

/** A relay in front of the destination, on a channel of the same kind, where the plan has one. */
async function between(
  { options, label }: Machine,
  destination: SocketAddress,
  plan: MigrationPlan,
): Promise<Relay | undefined> {
  if (!plan.relay) return undefined;
  const listenOn = plan.channel === 'tcp' ? { host: '127.0.0.1' } : { path: join(options.folder, `${label}.relay`) };
  return Relay.listen({ plan: plan.relay, listenOn, destination, teePath: join(options.logFolder, label) });
}

/** Starts the migration; what QEMU says when it refuses. */
async function start(source: Machine, uri: string): Promise<string | undefined> {
  try {
    await source.qmp.execute('migrate', { uri });
    return undefined;
  } catch (thrown) {
    if (thrown instanceof ExecuteError) return thrown.description;
    // A source that dies under the command is judged by its exit, like one that dies a moment later.
    if (thrown instanceof ExecuteInterruptedError) return undefined;
    throw thrown;
  }
}

/** What is known of a machine's devices: as the guest saw them before, and as its command line has them. */
function viewOf(machine: Machine, before: ConfigSnapshot): TopologyView {
  const { words, spec } = machine;
  let placed: ReadonlyMap<string, PlacedDevice> | undefined;
  return {
    byAddress: (address) => before.get(address),
    // Only a failure asks for it.
    byPlace: (place) => (placed ??= placeDevices(words, spec.machineType)).get(place),
  };
}

function findingsOf(
  evidence: Evidence,
  differences: readonly RegisterDifference[],
  devices: Record<Side, TopologyView>,
): Finding[] {
  const refusal: Finding[] =
    evidence.refusal === undefined
      ? []
      : [{ kind: 'refused', side: 'source', summary: `migrate was refused: ${evidence.refusal}`, fields: {} }];
  return [
    ...refusal,
    ...diagnose('destination', evidence.destination.text, devices.destination),
    ...diagnose('source', evidence.source.text, devices.source),
    ...differences.map(findingOfDifference),
  ];
}

function stopwatch(): () => number {
  const startedMs = performance.now();
  return () => performance.now() - startedMs;
}
