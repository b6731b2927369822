import type { Deadline } from '../core/deadline.js';
import type { MachineSpec } from '../machine/command-line.js';
import { devicesOf, withoutDevice } from '../machine/device-line.js';
import { standInEnvironment, standInId, standInWords } from '../vfio/stand-in/device.js';
import { type StandIn, standIn } from '../vfio/stand-in/library.js';
import type { CellShape, Scenario } from './definition.js';

/** What a cell's command lines hold of a device behind the stand-in for the kernel's VFIO, as long as its guest has that device. */
export class CellStandIn {
  private isGone = false;

  private constructor(
    private readonly made: StandIn,
    private readonly devices: ReturnType<NonNullable<Scenario['vfio']>>,
  ) {}

  /** Undefined for a scenario without such a device. Throws what `standIn` throws. */
  static async of({ vfio }: Scenario, cell: CellShape, deadline: Deadline): Promise<CellStandIn | undefined> {
    return vfio && new CellStandIn(await standIn({ deadline }), vfio(cell));
  }

  /** The words of a QEMU at that place of the route with those of its own device, and what its environment holds for it. */
  spec(hop: number, { build, words }: Pick<MachineSpec, 'build' | 'words'>): Pick<MachineSpec, 'words' | 'env'> {
    if (this.isGone) return { words };
    const device = hop === 0 ? this.devices.source : this.devices.destination;
    return {
      words: [...words, ...standInWords(device, build, this.made)],
      env: standInEnvironment(device, this.made),
    };
  }

  /** The words of a QEMU without the device, of which each side has its own; one that the guest has lost on its way stays lost. */
  without(words: readonly string[]): readonly string[] {
    this.isGone ||= !devicesOf(words).some(({ id }) => id === standInId);
    return this.isGone ? words : withoutDevice(words, standInId);
  }
}
