import type { Build } from '../../../harness/build/build.js';
import { resolveBuild } from '../../../harness/build/resolve.js';
import { Deadline } from '../../../harness/core/deadline.js';
import { DisposeStack } from '../../../harness/core/dispose.js';
import { StateError } from '../../../harness/core/errors.js';
import type { MachineSpec } from '../../../harness/machine/command-line.js';
import { type LaunchOptions, Machine } from '../../../harness/machine/machine.js';
import { PrivateFolder } from '../../../harness/machine/private-folder.js';

/** The builds that the self-tests run on: one with old machine types and known bugs, one without those bugs. */
export type Suite = 'bookworm' | 'trixie';

const resolved = new Map<string, Promise<Build>>();

/** A Debian suite's QEMU for x86 from the cache; fetched on a machine that has none yet. */
export function suite(name: Suite): Promise<Build> {
  return suiteFor(name, 'x86_64');
}

/** The same for guests of another architecture. */
export function suiteFor(name: Suite, arch: string): Promise<Build> {
  const key = `${name} ${arch}`;
  const build = resolved.get(key) ?? resolveBuild(`deb:${name}`, { arch });
  resolved.set(key, build);
  return build;
}

export type LaunchWish = Partial<Omit<MachineSpec, 'build'>> & { build?: Suite | Build } & Partial<
    Pick<LaunchOptions, 'label' | 'deadline' | 'inherits' | 'onSend' | 'onPhase'>
  >;

/** A private folder with machines in it; disposing ends them all and removes the folder. */
export class Launchpad implements AsyncDisposable {
  readonly folder: string;
  private readonly undo = new DisposeStack();
  private count = 0;

  constructor() {
    const folder = PrivateFolder.create();
    this.folder = folder.path;
    this.undo.defer(() => folder[Symbol.dispose]());
  }

  /** A paused machine without devices, of bookworm's QEMU, unless wished otherwise. */
  async launch(wish: LaunchWish = {}): Promise<Machine> {
    const { build = 'bookworm', machineType = 'none', memoryMiB = 16, words = [], incoming = false } = wish;
    const spec: MachineSpec = {
      build: typeof build === 'string' ? await suite(build) : build,
      ...{ machineType, accel: wish.accel ?? 'tcg', memoryMiB, words, incoming },
      ...(wish.serials !== undefined && { serials: wish.serials }),
    };
    const machine = await Machine.launch(spec, {
      label: wish.label ?? `m${(this.count += 1)}`,
      folder: this.folder,
      logFolder: this.folder,
      deadline: wish.deadline ?? Deadline.after(20_000),
      ...(wish.inherits !== undefined && { inherits: wish.inherits }),
      ...(wish.onSend && { onSend: wish.onSend }),
      ...(wish.onPhase && { onPhase: wish.onPhase }),
    });
    return this.undo.use(machine);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.undo[Symbol.asyncDispose]();
  }
}

/** The process id of a machine that was launched. */
export function pidOf(machine: Machine): number {
  if (machine.pid === undefined) throw new StateError(`the ${machine.label} QEMU has no process id`);
  return machine.pid;
}
