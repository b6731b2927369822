import type { Build } from '../build/build.js';
import type { Deadline } from '../core/deadline.js';
import { DisposeStack } from '../core/dispose.js';
import { StateError } from '../core/errors.js';
import { ScriptedGuest } from '../guest/scripted.js';
import { askFixedFacts, type FixedFacts } from '../guest/state/fixed-facts.js';
import { barsToRead } from '../guest/state/snapshot.js';
import type { MachineSpec } from '../machine/command-line.js';
import { Machine, type WireObserver } from '../machine/machine.js';
import type { View } from '../migration/compare.js';
import { migrate } from '../migration/migrate.js';
import type { Outcome } from '../migration/outcome.js';
import type { MigrationPlan } from '../migration/plan.js';
import type { Phase } from '../record/events.js';
import { type StateArea, stateAreas } from '../record/outcome.js';
import { commandWords } from './command-words.js';
import type { Journey, Options, Scenario } from './definition.js';
import type { ReproducedMachine } from './reproduction.js';

export interface JourneyOptions {
  scenario: Scenario;
  route: readonly Build[];
  machineType: string;
  options: Options;
  accel: string;
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
}

/** Launches the QEMUs of a route as they are needed, and carries one guest along it. Disposing it ends all of them. */
export class RunningJourney implements Journey, AsyncDisposable {
  private readonly undo = new DisposeStack();
  private hop = 0;
  private over = false;
  private next: Promise<Machine> | undefined;
  private current: { machine: Machine; guest: ScriptedGuest } | undefined;

  // A property, so that a body may take it apart: `async body({ guest, migrate })`.
  readonly migrate = async (plan: MigrationPlan = {}): Promise<Outcome> => {
    if (this.hop + 1 >= this.route.length) throw new StateError('the guest is at the end of its route already');
    const { machine } = this.here;
    // The guest does nothing more: it is looked at while the destination may still be starting.
    const before = this.look(machine);
    before.catch(() => undefined);
    const destination = await this.destination(machine);
    const facts = askFixedFacts(destination, this.areas);
    const outcome = await migrate(machine, destination, {
      plan,
      deadline: this.plan.deadline,
      look: (looked) => (looked === machine ? before : this.look(looked, facts)),
      onPhase: this.plan.onPhase,
    });
    this.plan.onOutcome(outcome);
    if (outcome.class === 'completed' || outcome.class === 'silent-difference') {
      this.hop += 1;
      this.current = { machine: destination, guest: ScriptedGuest.resume(destination, this.plan.deadline) };
      await machine.kill();
    }
    return outcome;
  };

  private constructor(private readonly plan: JourneyOptions) {}

  /** Starts the first QEMU, and the second beside it unless the scenario changes devices first. */
  static async start(plan: JourneyOptions): Promise<RunningJourney> {
    const journey = new RunningJourney(plan);
    try {
      const words = commandWords(plan.scenario.devices, journey);
      const first = journey.launch(0, words);
      if (plan.scenario.hotplugs !== true) journey.next = journey.launch(1, words, { beside: true });
      // Whoever awaits it is told; until then its failure must not end the process.
      journey.next?.catch(() => undefined);
      const machine = await first;
      journey.current = { machine, guest: ScriptedGuest.attach(machine, plan.deadline) };
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

  get guest(): ScriptedGuest {
    return this.here.guest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.over = true;
    await this.next?.catch(() => undefined);
    await this.undo[Symbol.asyncDispose]();
  }

  private get here(): { machine: Machine; guest: ScriptedGuest } {
    if (!this.current) throw new StateError('the journey has not started');
    return this.current;
  }

  private get areas(): readonly StateArea[] {
    const { oracle = stateAreas } = this.plan.scenario;
    return oracle === false ? [] : oracle;
  }

  private async look(machine: Machine, known?: FixedFacts): Promise<View> {
    const { areas } = this;
    const facts = known ?? askFixedFacts(machine, areas);
    const isSource = machine === this.here.machine;
    const guest = isSource ? this.guest : ScriptedGuest.resume(machine, this.plan.deadline);
    const tables = this.plan.scenario.oracle === undefined ? 'enabled' : 'all';
    const reading = guest.configSpace(isSource ? barsToRead(areas, tables) : undefined);
    const [config, parts] = await Promise.all([reading, guest.readState(reading, areas, facts)]);
    return { config, parts };
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
    return this.launch(this.hop + 1, source.words);
  }

  /** @param way `beside`: while the source starts too, so that its time is nobody's but that of whoever waits for it. */
  private async launch(hop: number, words: readonly string[], way: { beside?: true } = {}): Promise<Machine> {
    const { scenario, route, machineType, deadline } = this.plan;
    if (this.isOver()) throw new StateError('the cell is over');
    const build = route[hop];
    if (!build) throw new StateError(`the route has no hop ${hop}`);
    const other = hop > 0 ? scenario.destination?.(this) : undefined;
    const spec: MachineSpec = {
      build,
      machineType: other?.machineType ?? machineType,
      accel: this.plan.accel,
      memoryMiB: other?.memoryMiB ?? scenario.memoryMiB ?? 16,
      words: other?.devices === undefined ? words : commandWords(other.devices, this),
      incoming: hop > 0,
    };
    const { folder, logFolder } = this.plan;
    const label = this.labelOf(hop);
    this.plan.onLaunch({ spec, label, folder });
    const machine = this.undo.use(
      await Machine.launch(spec, {
        ...{ label, folder, logFolder, deadline },
        ...(this.plan.onSend && { onSend: this.plan.onSend }),
        ...(!way.beside && { onPhase: this.plan.onPhase }),
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
