import { join } from 'node:path';
import { devicesOf, withoutDevice } from '../machine/device-line.js';
import { type ServedDevice, servedId, servedWords } from '../vfio/server/served-device.js';
import { VfioUserServer } from '../vfio/server/server.js';

/** The vfio-user servers of a cell, one for each QEMU of its route, and what the command lines hold for them. */
export class CellServers implements AsyncDisposable {
  private isGone = false;

  private constructor(
    private readonly devices: readonly { device: ServedDevice; path: string }[],
    /** In the order of the route. */
    readonly all: readonly VfioUserServer[],
  ) {}

  /** Servers of these devices, in the order of the route, that listen in that folder. Throws ConnectError when one cannot listen. */
  static async listen(devices: readonly ServedDevice[], folder: string): Promise<CellServers> {
    const placed = devices.map((device, hop) => ({ device, path: join(folder, `vfio-user${hop}`) }));
    const all: VfioUserServer[] = [];
    for (const { device, path } of placed) all.push(await VfioUserServer.listen(path, device));
    return new CellServers(placed, all);
  }

  /** The words of a QEMU at that place of the route with those of its own device. */
  words(hop: number, words: readonly string[]): readonly string[] {
    const own = this.devices[hop];
    return this.isGone || !own ? words : [...words, ...servedWords(own.device, own.path)];
  }

  /** The words of a QEMU without the device, of which each side has its own; one that the guest has lost on its way stays lost. */
  without(words: readonly string[]): readonly string[] {
    this.isGone ||= !devicesOf(words).some(({ id }) => id === servedId);
    return this.isGone ? words : withoutDevice(words, servedId);
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.all) server.stop();
    return Promise.resolve();
  }
}
