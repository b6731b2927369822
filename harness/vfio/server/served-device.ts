import { type Build, compareVersions, parseVersion } from '../../build/build.js';
import type { Fault } from './faults.js';
import type { DeviceModel } from './model.js';

/** A device behind a vfio-user server: what differs from one with nothing wrong, and what its server does wrong. */
export interface ServedDevice {
  model?: Partial<DeviceModel>;
  faults?: readonly Fault[];
  /** Properties of `-device vfio-user-pci` beyond its id and its socket: `{ bus: 'port0' }`. */
  properties?: Readonly<Record<string, string>>;
  /** False leaves it off the command line: its server listens, and the body plugs it in. */
  plugged?: false;
}

/** The id of the device on QEMU's command line. */
export const servedId = 'vfio-user0';
/** The version whose hw/vfio-user was the first. */
const firstVersion = parseVersion('10.1');

/** Why a cell with a vfio-user device cannot run on these builds; undefined where it can. */
export function servedObstacle(route: readonly Build[]): string | undefined {
  const older = route.find(({ version }) => compareVersions(version, firstVersion) < 0);
  return older && `QEMU ${older.version.text} has no vfio-user-pci: it came with 10.1`;
}

/** Words that put the device on a command line; its socket's address can be given as JSON alone. */
export function servedWords({ properties, plugged }: ServedDevice, path: string): string[] {
  const line = { driver: 'vfio-user-pci', id: servedId, socket: { type: 'unix', path }, ...properties };
  return plugged === false ? [] : ['-device', JSON.stringify(line)];
}
