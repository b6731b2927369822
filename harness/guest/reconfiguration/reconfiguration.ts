import { GuestError } from '../../core/errors.js';
import type { Machine } from '../../machine/machine.js';
import type { PciAccess } from '../../pci/access.js';
import { devfn } from '../../pci/address.js';
import { capabilityIds } from '../../pci/capability-ids.js';
import { findCapability } from '../../pci/registers.js';
import type { ListedFunction } from '../config-snapshot.js';
import { DrConnector } from './connector.js';
import { hostBridgeOf } from './host-bridge.js';
import { PlatformEvents, type Rtas } from './platform-events.js';

/** Type and number of a connector in its index: PCI is type 4, on host bridge 0. Source: QEMU hw/ppc/spapr_drc.c, spapr_drc_index(). */
const pciConnector = 0x40000000;
/** Offset of the Chassis Number in the Slot Identification capability. Source: PCI-to-PCI Bridge Architecture Specification 1.2, 13.2. */
const chassisNumber = 0x03;

/** Dynamic reconfiguration as a guest of a pseries machine does it: the events of its platform, and the connectors that PCI devices are in. */
export class DynamicReconfiguration {
  private events: PlatformEvents;

  /** @param before that of the same guest on the machine that it came from, whose requests it was told of. */
  constructor(
    private readonly rtas: Rtas,
    private readonly access: PciAccess,
    before?: DynamicReconfiguration,
  ) {
    this.events = new PlatformEvents(rtas, before?.events);
  }

  /** Forgets what the platform has asked for, as QEMU does when the machine is reset. */
  reset(): void {
    this.events = new PlatformEvents(this.rtas);
  }

  /**
   * The connector that a function is in. Its index follows from the place (QEMU hw/ppc/spapr_pci.c, drc_id_from_devfn()), and `ibm,my-drc-index` of the
   * device tree is to say the same. Throws GuestError below a bridge that does not say what chassis it has, and below any other host bridge than the
   * one that RTAS is asked about.
   */
  async connectorOf(machine: Machine, listed: ListedFunction): Promise<DrConnector> {
    const { id, address, bridge } = listed;
    const name = `the slot of ${id}`;
    const host = await hostBridgeOf(machine, listed);
    if (host !== 0)
      throw new GuestError(`${name} is below host bridge ${host}; a guest here knows host bridge 0 alone`);
    const chassis = bridge ? chassisOf(await this.access.readSpace(bridge.address)) : 0;
    if (chassis === undefined) throw new GuestError(`the bridge above ${name} does not say what chassis it has`);
    const index = (pciConnector | (chassis << 8) | devfn(address)) >>> 0;
    return new DrConnector({ rtas: this.rtas, events: this.events }, { index, address, name });
  }
}

function chassisOf(bridge: Uint8Array): number | undefined {
  const slots = findCapability(bridge, capabilityIds.slotIdentification);
  return slots && bridge[slots.offset + chassisNumber];
}
