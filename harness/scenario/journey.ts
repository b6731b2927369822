import type { Build } from '../build/build.js';
import type { Deadline } from '../core/deadline.js';
import { DisposeStack } from '../core/dispose.js';
import { StateError } from '../core/errors.js';
import { proveEcam } from '../guest/expected-ecam.js';
import type { RunningGuest } from '../guest/running-guest.js';
import { ScriptedGuest } from '../guest/scripted.js';
import { askFixedFacts, type FixedFacts } from '../guest/state/fixed-facts.js';
import { barsToRead } from '../guest/state/snapshot.js';
import type { MachineSpec } from '../machine/command-line.js';
import { Machine, type WireObserver } from '../machine/machine.js';
import type { View } from '../migration/compare.js';
import { migrate } from '../migration/migrate.js';
import { hasArrived, type Outcome } from '../migration/outcome.js';
import { holds, type MigrationPlan } from '../migration/plan.js';
import { restoreMachine, saveMachine } from '../migration/save.js';
import type { GuestSummary, Phase, Variation } from '../record/events.js';
import { type StateArea, stateAreas } from '../record/outcome.js';
import type { VfioUserServer } from '../vfio/server/server.js';
import type { Journey, Options, Scenario } from './definition.js';
import { type GuestKind, type Guests, type GuestSettings, type GuestTier, guestTier } from './guests.js';
import type { ReproducedMachine } from './reproduction.js';
import { addOrderFindings } from './load-order.js';
import { buildAt, RouteSpecs } from './route-specs.js';
import { savedGuest } from './warm-start.js';

export interface JourneyOptions {
  scenario: Scenario;
  route: readonly Build[];
  machineType: string;
  options: Options;
  variation?: Variation;
  accel: string;
  guests: GuestSettings;
  /** Private folder for sockets. */
  folder: string;
  logFolder: string;
  deadline: Deadline;
  onSend?: WireObserver;
  onPhase: (phase: Phase, ms: number) => void;
  /** Called before a QEMU is started. */
  onLaunch: (machine: ReproducedMachine) => void;
  onMachine: (machine: Machine) => void;
  onOutcome: (outcome: Outcome) => void;
  /** Called when it is known how a guest with a vCPU came up; with the file that it came from, where it came from one. */
  onGuest: (guest: GuestSummary, savedIn?: string) => void;
}

/** Where the guest is: its QEMU, and what the body acts through. */
interface Place {
  machine: Machine;
  guest: Guests[GuestKind];
}

/** Launches the QEMUs of a route as they are needed, and carries one guest along it. Disposing it ends all of them. */
export class RunningJourney implements Journey<GuestKind>, AsyncDisposable {
  private readonly undo = new DisposeStack();
  private hop = 0;
  private over = false;
  private next: Promise<Machine> | undefined;
  private current: Place | undefined;
  /** Follows the guest that has a vCPU, where there is one. */
  private running: RunningGuest | undefined;
  private tier: GuestTier | undefined;
  private made: RouteSpecs | undefined;

  // A property, so that a body may take it apart: `async body({ guest, migrate })`.
  readonly migrate = async (wished: MigrationPlan = {}): Promise<Outcome> => {
    if (this.hop + 1 >= this.route.length) throw new StateError('the guest is at the end of its route already');
    const { machine } = this.here;
    const { running } = this;
    const usual = this.tier?.parameters;
    const plan: MigrationPlan = {
      ...wished,
      ...(usual && { parameters: { ...usual, ...wished.parameters } }),
      ...(this.plan.variation?.capture && !wished.relay && { relay: { tee: 'whole' } }),
    };
    const startedMs = performance.now();
    const state = running && (await machine.qmp.execute('query-status')).status;
    // A suspended guest goes on being suspended: `cont` is what it takes, where it does not come up so by itself.
    const goesOn = state === 'running' || state === 'suspended';
    // A scripted guest does nothing more: it is looked at while the destination may still be starting.
    const before = running ? undefined : this.look(machine);
    before?.catch(() => undefined);
    const destination = await this.destination(machine);
    const facts = askFixedFacts(destination, this.areas);
    const outcome = await migrate(machine, destination, {
      plan,
      deadline: this.plan.deadline,
      look: (looked) =>
        before && looked === machine ? before : this.look(looked, looked === machine ? undefined : facts),
      runs: goesOn,
      onPhase: this.plan.onPhase,
    });
    // Before anything is read or asked: what comes of that is no reason to forget what happened to the guest.
    this.plan.onOutcome(outcome);
    if (this.plan.scenario.loadOrder) addOrderFindings(outcome, destination);
    if (hasArrived(outcome)) {
      this.hop += 1;
      if (running) await this.follow(running, { destination, held: goesOn && holds(plan), goesOn });
      const { guest } = this.here;
      const arrived =
        guest instanceof ScriptedGuest ? ScriptedGuest.resume(destination, this.plan.deadline, guest) : guest;
      this.current = { machine: destination, guest: arrived };
      // One that is suspended gives no sign of life before it is woken, and waits for nobody.
      if (state === 'running')
        Object.assign(outcome, await this.outage(startedMs, holds(plan) ? outcome.arrivedMs : undefined));
      await machine.kill();
    }
    return outcome;
  };

  private constructor(private readonly plan: JourneyOptions) {}

  /** Starts the first QEMU, and the second beside it unless the scenario changes devices first. */
  static async start(plan: JourneyOptions): Promise<RunningJourney> {
    const journey = new RunningJourney(plan);
    try {
      await journey.begin();
      return journey;
    } catch (thrown) {
      await journey[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get machineType(): string {
    return this.plan.machineType;
  }

  get options(): Options {
    return this.plan.options;
  }

  get route(): readonly Build[] {
    return this.plan.route;
  }

  get machine(): Machine {
    return this.here.machine;
  }

  get guest(): Guests[GuestKind] {
    return this.here.guest;
  }

  get servers(): readonly VfioUserServer[] {
    return this.specs.servers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.over = true;
    await this.next?.catch(() => undefined);
    await this.undo[Symbol.asyncDispose]();
  }

  /** Starts the first QEMU with its guest, and the second beside it unless the scenario changes devices first. */
  private async begin(): Promise<void> {
    const { scenario, guests, deadline } = this.plan;
    this.tier = await guestTier(scenario.guest ?? 'scripted', guests, { arch: buildAt(this, 0).arch, deadline });
    const { tier } = this;
    this.made = this.undo.use(await RouteSpecs.of({ ...this.plan, cell: this, tier }));
    const { words } = this.made;
    const saved = await this.saved(words);
    const first = this.launch(0, words, saved === undefined ? {} : { inherits: saved });
    if (scenario.hotplugs !== true) this.next = this.launch(1, words, { beside: true });
    // Whoever awaits it is told; until then its failure must not end the process.
    this.next?.catch(() => undefined);
    const machine = await first;
    if (!this.tier) {
      this.current = { machine, guest: ScriptedGuest.attach(machine, deadline) };
      return;
    }
    const { kind, system } = this.tier;
    const start = saved === undefined ? 'cold' : 'warm';
    this.plan.onGuest({ kind, start, ...(system !== undefined && { system }) }, saved);
    if (saved !== undefined) await restoreMachine(machine, deadline);
    await this.attach(this.tier, machine, { resumed: saved !== undefined });
  }

  /** A file with the guest on this very machine, where it is worth saving; booted and saved now by the first who asks. */
  private async saved(words: readonly string[]): Promise<string | undefined> {
    const { tier } = this;
    const { guests, deadline, folder } = this.plan;
    if (tier?.identity === undefined || guests.cold || !this.specs.isWhole) return undefined;
    return savedGuest({
      spec: this.specs.at(0, words),
      ...{ identity: tier.identity, folder, deadline },
      boot: async (path) => {
        await using machine = await this.launch(0, words, { label: 'boot' });
        await using guest = await tier.attach(machine, { deadline, resumed: false });
        await guest.settle?.();
        await saveMachine(machine, path, deadline);
      },
    });
  }

  private async attach(tier: GuestTier, machine: Machine, { resumed }: { resumed: boolean }): Promise<void> {
    await proveEcam(machine);
    const guest = await tier.attach(machine, { deadline: this.plan.deadline, resumed });
    this.running = this.undo.use(guest);
    this.current = { machine, guest: guest as Guests[Exclude<GuestKind, 'scripted'>] };
  }

  /** The guest takes up with the machine that it has come to, and runs on if it ran. */
  private async follow(
    guest: RunningGuest,
    { destination, held, goesOn }: { destination: Machine; held: boolean; goesOn: boolean },
  ): Promise<void> {
    await guest.arrive(destination, { held: held || !goesOn });
    if (!held) return;
    if (this.areas.includes('memory')) await guest.checkMemory?.();
    await destination.qmp.execute('cont');
  }

  /** How long the guest was held since it arrived, and how long it was away in the eyes of whoever hears its signs of life. */
  private async outage(
    startedMs: number,
    heldSinceMs: number | undefined,
  ): Promise<Pick<Outcome, 'heldMs' | 'guestDowntimeMs'>> {
    const heldMs = heldSinceMs === undefined ? undefined : performance.now() - heldSinceMs;
    const gapMs = await this.running?.largestGapMs?.(startedMs);
    return {
      ...(heldMs !== undefined && { heldMs }),
      ...(gapMs !== undefined && { guestDowntimeMs: Math.max(0, gapMs - (heldMs ?? 0)) }),
    };
  }

  private get here(): Place {
    if (!this.current) throw new StateError('the journey has not started');
    return this.current;
  }

  private get specs(): RouteSpecs {
    if (!this.made) throw new StateError('the journey has not started');
    return this.made;
  }

  private get areas(): readonly StateArea[] {
    const { oracle = stateAreas } = this.plan.scenario;
    return oracle === false ? [] : oracle;
  }

  private async look(machine: Machine, known?: FixedFacts): Promise<View> {
    const { areas } = this;
    const facts = known ?? askFixedFacts(machine, areas);
    const onlooker = await this.onlooker(machine);
    const tables = this.plan.scenario.oracle === undefined ? 'enabled' : 'all';
    // Only where no guest gives addresses of its own.
    const gives = onlooker === this.here.guest;
    const reading = onlooker.configSpace(gives ? barsToRead(areas, tables) : undefined);
    const [config, parts] = await Promise.all([reading, onlooker.readState(reading, areas, facts)]);
    return { config, parts };
  }

  /** Whose eyes a machine is looked at with. */
  private async onlooker(machine: Machine): Promise<ScriptedGuest> {
    const { guest } = this.here;
    if (!(guest instanceof ScriptedGuest)) return ScriptedGuest.onlooker(machine, this.plan.deadline);
    return machine === this.here.machine ? guest : ScriptedGuest.resume(machine, this.plan.deadline);
  }

  /** The QEMU that waits for the guest: the one started beside the source, unless the guest's devices have changed since. */
  private async destination(source: Machine): Promise<Machine> {
    const waiting = this.next;
    this.next = undefined;
    if (waiting) {
      const startedMs = performance.now();
      const machine = await waiting;
      this.plan.onPhase('greeting', performance.now() - startedMs);
      if (source.words === source.spec.words) return machine;
      await machine[Symbol.asyncDispose]();
    }
    return this.launch(this.hop + 1, this.specs.carried(source.words));
  }

  /**
   * @param way `beside`: while the source starts too, so that its time is nobody's but that of whoever waits for it; `label`: for a QEMU that
   * is not of the route; `inherits`: a saved machine that it comes up from.
   */
  private async launch(
    hop: number,
    words: readonly string[],
    way: { beside?: true; label?: string; inherits?: string } = {},
  ): Promise<Machine> {
    const { deadline } = this.plan;
    if (this.isOver()) throw new StateError('the cell is over');
    const incoming = way.inherits === undefined ? {} : { incoming: true };
    const spec: MachineSpec = { ...this.specs.at(hop, words), ...incoming };
    const { folder, logFolder } = this.plan;
    const label = way.label ?? this.labelOf(hop);
    if (way.label === undefined)
      this.plan.onLaunch({ spec, label, folder, ...(way.inherits !== undefined && { inherits: way.inherits }) });
    const machine = this.undo.use(
      await Machine.launch(spec, {
        ...{ label, folder, logFolder, deadline },
        ...(this.plan.onSend && { onSend: this.plan.onSend }),
        ...(!way.beside && { onPhase: this.plan.onPhase }),
        ...(way.inherits !== undefined && { inherits: way.inherits }),
      }),
    );
    this.plan.onMachine(machine);
    // A body that was given up may have asked for it: nobody else would end it.
    if (this.isOver()) await this.undo[Symbol.asyncDispose]();
    return machine;
  }

  private isOver(): boolean {
    return this.over;
  }

  private labelOf(hop: number): string {
    if (hop === 0) return 'source';
    return this.route.length === 2 ? 'destination' : `hop-${hop}`;
  }
}
