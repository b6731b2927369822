import { join } from 'node:path';
import { DisposeStack } from '../core/dispose.js';
import type { MachineSpec } from '../machine/command-line.js';
import { type ServedDevice, servedId, servedWords } from '../vfio/server/served-device.js';
import { VfioUserServer } from '../vfio/server/server.js';
import type { SideDevice } from './side-devices.js';

/** The vfio-user servers of a cell's device, one for each QEMU of its route. Disposing it stops them. */
export class CellServers implements SideDevice, AsyncDisposable {
  readonly id = servedId;

  private constructor(
    private readonly devices: readonly { device: ServedDevice; path: string }[],
    /** In the order of the route. */
    readonly all: readonly VfioUserServer[],
    private readonly undo: DisposeStack,
  ) {}

  /** Servers of these devices, in the order of the route, that listen in that folder. Throws ConnectError when one cannot listen. */
  static async listen(devices: readonly ServedDevice[], folder: string): Promise<CellServers> {
    const placed = devices.map((device, hop) => ({ device, path: join(folder, `vfio-user${hop}`) }));
    await using undo = new DisposeStack();
    const all: VfioUserServer[] = [];
    for (const { device, path } of placed) all.push(undo.use(await VfioUserServer.listen(path, device)));
    return new CellServers(placed, all, undo.move());
  }

  on(hop: number): Pick<MachineSpec, 'words'> {
    const own = this.devices[hop];
    return { words: own ? servedWords(own.device, own.path) : [] };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.undo[Symbol.asyncDispose]();
  }
}
