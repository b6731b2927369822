import type { Build } from '../../build/build.js';
import { Deadline } from '../../core/deadline.js';
import { LaunchError } from '../../core/errors.js';
import { usualMemoryMiB } from '../../machine/family.js';
import { Machine } from '../../machine/machine.js';
import { PrivateFolder } from '../../machine/private-folder.js';
import { commandWords } from '../../scenario/command-words.js';
import type { CellShape, Scenario } from '../../scenario/definition.js';
import { makeDisks } from '../../scenario/disks.js';

/** Milliseconds that a machine without a running guest may take to start. */
const startMs = 30_000;

/** A machine of the rehearsal: a build of the cell's route, with a machine type. */
export interface Part {
  build: Build;
  machineType: string;
  /** Words after the scenario's own. */
  added?: readonly string[];
}

export interface RehearsalOptions {
  scenario: Scenario;
  /** The cell that is rehearsed; its machine type is that of each part. */
  shape: Pick<CellShape, 'options' | 'route'>;
  accel: string;
  signal: AbortSignal;
}

/** Starts the machines of a cell as the scenario describes them, one at a time and without a guest. Disposing it leaves nothing behind. */
export class Rehearsal implements Disposable {
  private readonly folder = PrivateFolder.create();
  private readonly disks: readonly string[];
  private count = 0;

  constructor(private readonly options: RehearsalOptions) {
    this.disks = makeDisks(options.scenario.disks ?? {}, this.folder.path);
  }

  /** The builds of the route, each once. */
  get builds(): Build[] {
    return [...new Set(this.options.shape.route)];
  }

  get hotplugs(): boolean {
    return this.options.scenario.hotplugs === true;
  }

  /** What `look` sees of a machine. Throws LaunchError when it does not start, and the signal's reason. */
  async see<T>(part: Part, look: (machine: Machine) => Promise<T>): Promise<T> {
    const { accel, signal } = this.options;
    signal.throwIfAborted();
    const { words, ...spec } = this.specOf(part);
    await using machine = await Machine.launch(
      { ...spec, build: part.build, accel, incoming: false, words: [...this.disks, ...words, ...(part.added ?? [])] },
      {
        label: `rehearsal${(this.count += 1)}`,
        ...{ folder: this.folder.path, logFolder: this.folder.path, deadline: Deadline.after(startMs) },
      },
    );
    return await look(machine);
  }

  /** Whether QEMU starts with these words after the scenario's own, and has no complaint about a property. */
  async accepts(part: Part): Promise<boolean> {
    try {
      return await this.see(part, (machine) =>
        Promise.resolve(!/global property|warning: global /i.test(machine.log())),
      );
    } catch (thrown) {
      if (thrown instanceof LaunchError && this.endedByItself(thrown)) return false;
      throw thrown;
    }
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }

  private specOf({ build, machineType }: Part): { machineType: string; memoryMiB: number; words: readonly string[] } {
    const { scenario, shape } = this.options;
    const cell: CellShape = { ...shape, machineType };
    const other = shape.route[0] === build ? undefined : scenario.destination?.(cell);
    return {
      machineType: other?.machineType ?? machineType,
      memoryMiB:
        other?.memoryMiB ?? scenario.memoryMiB ?? (scenario.guest === 'linux' ? 192 : usualMemoryMiB(machineType)),
      words: commandWords(other?.devices ?? scenario.devices, cell),
    };
  }

  /** An interrupt ends it too, and then nobody asks. */
  private endedByItself({ data }: LaunchError): boolean {
    this.options.signal.throwIfAborted();
    return typeof data['exitCode'] === 'number';
  }
}
