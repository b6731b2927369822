import { posix } from 'node:path';
import type { Machine } from '../../machine/machine.js';
import type { ListedFunction } from '../config-snapshot.js';

/**
 * The number that QEMU gives the host bridge of a pseries machine which a device with an id is below: 0 is the one that every machine has. The object
 * tree tells it; query-pci lists the root bus of each host bridge as bus 0. Source: QEMU hw/ppc/spapr_pci.c, property `index`.
 */
export async function hostBridgeOf({ qmp }: Machine, listed: ListedFunction): Promise<number> {
  const property = 'parent_bus';
  let path = `/machine/peripheral/${listed.id}`;
  for (let below: ListedFunction | undefined = listed; below; below = below.bridge) {
    // A bus is a child of the device that makes it.
    path = posix.dirname(String(await qmp.execute('qom-get', { path, property })));
  }
  return Number(await qmp.execute('qom-get', { path, property: 'index' }));
}
