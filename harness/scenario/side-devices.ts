import type { Build } from '../build/build.js';
import type { MachineSpec } from '../machine/command-line.js';
import { devicesOf, withoutDevice } from '../machine/device-line.js';

/** A device that every QEMU of a route has in a way of its own, such as one with a server of its own behind it. */
export interface SideDevice {
  /** As in `-device`. */
  readonly id: string;
  /** What the QEMU at that place of the route has on its command line for it, and in its environment. */
  on(hop: number, build: Build): Pick<MachineSpec, 'words' | 'env'>;
}

/** What a cell's command lines hold of such devices, as long as its guest has them: one that it has lost on its way stays lost. */
export class SideDevices {
  private readonly gone = new Set<string>();

  constructor(private readonly all: readonly SideDevice[]) {}

  /** Whether there is any. */
  get some(): boolean {
    return this.all.length > 0;
  }

  /** The words of a QEMU with those of its own devices, and what its environment holds for them. */
  on(hop: number, { build, words }: Pick<MachineSpec, 'build' | 'words'>): Pick<MachineSpec, 'words' | 'env'> {
    const there = this.all.filter(({ id }) => !this.gone.has(id)).map((device) => device.on(hop, build));
    if (there.length === 0) return { words };
    return {
      words: [...words, ...there.flatMap((device) => device.words)],
      env: Object.assign({}, ...there.map(({ env }) => env)) as NonNullable<MachineSpec['env']>,
    };
  }

  /** The words of a QEMU without the devices of its own, which the next one has in its own way. */
  without(words: readonly string[]): readonly string[] {
    const ids = new Set(devicesOf(words).map(({ id }) => id));
    for (const { id } of this.all) if (!ids.has(id)) this.gone.add(id);
    return this.all.reduce((left, { id }) => (this.gone.has(id) ? left : withoutDevice(left, id)), words);
  }
}
