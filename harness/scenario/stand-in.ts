import type { Build } from '../build/build.js';
import type { Deadline } from '../core/deadline.js';
import type { MachineSpec } from '../machine/command-line.js';
import { standInEnvironment, standInId, standInWords } from '../vfio/stand-in/device.js';
import { type StandIn, standIn } from '../vfio/stand-in/library.js';
import type { CellShape, Scenario } from './definition.js';
import type { SideDevice } from './side-devices.js';

/** A cell's device behind the stand-in for the kernel's VFIO. */
export class CellStandIn implements SideDevice {
  readonly id = standInId;

  private constructor(
    private readonly made: StandIn,
    private readonly devices: ReturnType<NonNullable<Scenario['vfio']>>,
  ) {}

  /** None for a scenario without such a device. Throws what `standIn` throws. */
  static async of({ vfio }: Scenario, cell: CellShape, deadline: Deadline): Promise<CellStandIn[]> {
    return vfio ? [new CellStandIn(await standIn({ deadline }), vfio(cell))] : [];
  }

  on(hop: number, build: Build): Pick<MachineSpec, 'words' | 'env'> {
    const device = hop === 0 ? this.devices.source : this.devices.destination;
    return { words: standInWords(device, build, this.made), env: standInEnvironment(device, this.made) };
  }
}
