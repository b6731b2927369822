import { join } from 'node:path';
import { Deadline } from '../core/deadline.js';
import { GodwitError, ProtocolError } from '../core/errors.js';
import type { SocketAddress } from '../core/socket.js';
import type { PlacedDevice } from '../diagnosis/device-name.js';
import { diagnose, type TopologyView } from '../diagnosis/diagnose.js';
import { placeDevices } from '../diagnosis/placed-devices.js';
import type { ConfigSnapshot } from '../guest/config-snapshot.js';
import type { Machine } from '../machine/machine.js';
import { isEvent } from '../qmp/messages.js';
import { ExecuteError, ExecuteInterruptedError } from '../qmp/errors.js';
import type { ChannelFigures, Finding, RegisterDifference, Side } from '../record/outcome.js';
import { classify, type Evidence } from './classify.js';
import { compareViews, findingOfDifference, type View } from './compare.js';
import { examine } from './evidence.js';
import type { Outcome } from './outcome.js';
import { defaultStallMs, Phases } from './phases.js';
import { configure, holds, type MigrationPlan } from './plan.js';
import { Relay } from './relay/relay.js';

/** Milliseconds in which a source that lives says so, when it could not be looked at. */
const lastAnswerMs = 2000;

export interface MigrateOptions {
  plan: MigrationPlan;
  deadline: Deadline;
  /** Milliseconds without any progress after which the migration counts as hung; ten seconds unless told. */
  stallMs?: number;
  /** Reads a machine's state from outside, on both sides: before on the source, after on the destination. */
  look: (machine: Machine) => Promise<View>;
  /** True for a guest with a vCPU that runs: the source is looked at once it has stopped, and the destination while it is held. */
  runs?: boolean;
  /** Called with the milliseconds that the migration took, and those that looking and judging took. */
  onPhase?: (phase: 'migration' | 'judging', ms: number) => void;
}

/** Migrates a guest from one running QEMU to another that waits for it (`-incoming defer`), and judges what happened on both. */
export async function migrate(source: Machine, destination: Machine, options: MigrateOptions): Promise<Outcome> {
  const { runs = false, look } = options;
  const goesOn = runs && !holds(options.plan);
  const looking = stopwatch();
  const early = runs ? undefined : look(source);
  // Where the destination cannot listen, nobody awaits it.
  early?.catch(() => undefined);
  const address = await ready(source, destination, { plan: options.plan, goesOn });
  const seen = await early;
  const lookedMs = looking();
  const moved = await move({ source, destination }, address, options);

  const judging = stopwatch();
  const { arrived } = moved;
  const [before, after] = await Promise.all([
    seen ?? lookStopped(source, { alive: moved.source.alive && !(arrived && goesOn), arrived, look }),
    arrived && !goesOn ? look(destination) : undefined,
  ]);
  const outcome = outcomeOf({ source, destination }, moved, { before, after });
  options.onPhase?.('judging', judging() + lookedMs);
  return outcome;
}

/** Switches both sides and makes the destination listen; the address. */
async function ready(
  source: Machine,
  destination: Machine,
  { plan, goesOn }: { plan: MigrationPlan; goesOn: boolean },
): Promise<SocketAddress> {
  const [address] = await Promise.all([listen(destination, plan, { goesOn }), configure(source, plan)]);
  return address;
}

/** What a migration left to judge. */
interface Moved extends Omit<Evidence, 'differs'> {
  /** True when the destination lives and says that the guest is there. */
  arrived: boolean;
  /** When it said so. */
  arrivedMs: number | undefined;
  channels: ChannelFigures[] | undefined;
}

/** Sends the guest on its way, and collects the evidence of both sides when nothing moves any more. */
async function move(
  { source, destination }: Record<Side, Machine>,
  address: SocketAddress,
  { plan, deadline, stallMs = defaultStallMs, onPhase }: MigrateOptions,
): Promise<Moved> {
  const moving = stopwatch();
  const logFrom = { source: source.log().length, destination: destination.log().length };
  await using relay = await between(destination, address, plan);
  const phases = new Phases(source, destination, { deadline, stallMs });
  using _switch = switchToPostcopy(source, plan);
  const refusal = await start(source, relay?.uri ?? uriOf(address));
  const settled = refusal !== undefined || (await phases.settled());
  const [from, to] = await Promise.all([
    examine(source, { deadline, logFrom: logFrom.source, exitsOnError: false }),
    examine(destination, { deadline, logFrom: logFrom.destination, exitsOnError: plan.exitOnError ?? true }),
  ]);
  onPhase?.('migration', moving());
  if (refusal === undefined) relay?.verify();
  return {
    ...{ source: from, destination: to, settled, arrivedMs: phases.arrivedMs, channels: relay?.figures },
    ...(refusal !== undefined && { refusal }),
    arrived: settled && to.alive && to.outcome.migrationStatus === 'completed',
  };
}

/** What was seen of the guest's machine from outside, on either side, where somebody looked. */
interface Views {
  before: View | undefined;
  after: View | undefined;
}

function outcomeOf(machines: Record<Side, Machine>, moved: Moved, { before, after }: Views): Outcome {
  const { source, destination } = machines;
  const { arrived, arrivedMs, channels, refusal } = moved;
  const differences = before && after ? compareViews(before, after) : [];
  return {
    class: classify({ ...moved, differs: differences.length > 0 }),
    from: source.spec.build.name,
    to: destination.spec.build.name,
    source: { ...moved.source.outcome, ...(refusal !== undefined && { refusal }) },
    destination: moved.destination.outcome,
    ...moved.source.figures,
    ...(channels && { channels }),
    findings: findingsOf(moved, differences, {
      source: viewOf(source, before?.config),
      destination: viewOf(destination, before?.config),
    }),
    differences,
    ...(arrived && arrivedMs !== undefined && { arrivedMs }),
    configSpace: { ...(before && { before: before.config }), ...(after && { after: after.config }) },
  };
}

/**
 * Looks at the source of a guest that ran, which has stopped when it is gone; where it stayed, it is stopped for as long as that takes.
 * Nothing where the source can no longer be looked at.
 */
async function lookStopped(
  source: Machine,
  { alive, arrived, look }: { alive: boolean; arrived: boolean; look: MigrateOptions['look'] },
): Promise<View | undefined> {
  if (!alive) return undefined;
  try {
    const { running } = await source.qmp.execute('query-status');
    if (running) await source.qmp.execute('stop');
    try {
      return await look(source);
    } finally {
      if (running) await source.qmp.execute('cont');
    }
  } catch (thrown) {
    // A source that dies or hangs now is not what is judged: what is known of it is in its evidence. Where the guest has arrived and the
    // source lives, it was not looked at for another reason, and what was not compared must not pass for unchanged.
    if (thrown instanceof GodwitError && !(arrived && (await answers(source)))) return undefined;
    throw thrown;
  }
}

async function answers({ qmp }: Machine): Promise<boolean> {
  return qmp.execute('query-status', undefined, { deadline: Deadline.after(lastAnswerMs) }).then(
    () => true,
    () => false,
  );
}

/** From now on, where the plan says so: postcopy, when so many passes have begun. */
function switchToPostcopy(source: Machine, { postcopyAfterPasses: passes }: MigrationPlan): Disposable {
  if (passes === undefined) return { [Symbol.dispose]: () => undefined };
  let switched = false;
  const unlisten = source.events.listen((event) => {
    if (switched || !isEvent(event, 'MIGRATION_PASS') || event.data.pass < passes) return;
    switched = true;
    // Refused when the migration is over already: then there was nothing to switch.
    source.qmp.execute('migrate-start-postcopy').catch(() => undefined);
  });
  return { [Symbol.dispose]: unlisten };
}

/** Makes the destination listen, and returns where. What `goesOn` runs as soon as it has come. */
async function listen(
  destination: Machine,
  plan: MigrationPlan,
  { goesOn }: { goesOn: boolean },
): Promise<SocketAddress> {
  await configure(destination, plan);
  const path = join(destination.options.folder, `${destination.label}.stream`);
  const uri = plan.channel === 'tcp' ? 'tcp:127.0.0.1:0' : `unix:${path}`;
  const exitOnError = plan.exitOnError === undefined ? {} : { 'exit-on-error': plan.exitOnError };
  await destination.qmp.execute('migrate-incoming', { uri, ...exitOnError });
  if (goesOn) await destination.qmp.execute('cont');
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
function viewOf(machine: Machine, before: ConfigSnapshot = new Map()): TopologyView {
  const { words, spec } = machine;
  let placed: ReadonlyMap<string, PlacedDevice> | undefined;
  return {
    byAddress: (address) => before.get(address),
    // Only a failure asks for it.
    byPlace: (place) => (placed ??= placeDevices(words, spec.machineType)).get(place),
  };
}

function findingsOf(
  evidence: Omit<Evidence, 'differs'>,
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
