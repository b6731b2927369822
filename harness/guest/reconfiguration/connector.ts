import { DisposeStack } from '../../core/dispose.js';
import { GuestError } from '../../core/errors.js';
import { hex } from '../../core/hex.js';
import { cellsOf, type TreeNode } from '../../machine/device-tree.js';
import type { PciAccess } from '../../pci/access.js';
import { devfn, type PciAddress } from '../../pci/address.js';
import { capabilityIds } from '../../pci/capability-ids.js';
import { findCapability } from '../../pci/registers.js';
import { configAddress } from '../../pci/rtas-access.js';
import type { QtestClient } from '../../qtest/client.js';
import type { RtasCall } from '../../qtest/rtas.js';
import type { SlotController } from '../slot-controller.js';
import { nodeOf, readWorkArea, type Told, workAreaBytes } from './configuration.js';
import { describeEvent, type HotplugRequest, longestLog, readHotplugRequest } from './event-log.js';

/** Source of all these numbers: QEMU include/hw/ppc/spapr.h and spapr_drc.h, after PAPR 2.7, 13.5. */
const indicators = { isolationState: 9001, drIndicator: 9002 };
const isolation = { isolated: 0, unisolated: 1 };
const indicator = { inactive: 0, active: 1 };
const entitySenseSensor = 9003;
const senses = ['empty', 'present', 'unusable', 'exchange', 'recover'] as const;

/** What check-exception is called for: an external interrupt, of these classes of events. Source: QEMU hw/ppc/spapr_events.c. */
const externalInterrupt = 0x500;
const eventClasses = { powerWarnings: 0x40000000, hotplug: 0x10000000 };
const noErrorsFound = 1;

/** Where in guest RAM the page is that the calls write to; its content is put back. */
const borrowedPage = 0x9000;

/** Bits of a connector's index: PCI is type 4. Source: QEMU hw/ppc/spapr_drc.c, spapr_drc_index(). */
const pciConnector = 0x40000000;
const functionMask = 0xffff00;
const rootChassis = 0;
/** Offset of the Chassis Number in the Slot Identification capability. Source: PCI-to-PCI Bridge Architecture Specification 1.2, 13.2. */
const chassisNumber = 0x03;

/** By whom calls are made, and where their results are looked at. */
interface Rtas {
  call: RtasCall;
  qtest: QtestClient;
}

/** The slot that a connector is for. */
interface ConnectorSlot {
  address: PciAddress;
  /** For messages: "the slot of nic0". */
  name: string;
}

/**
 * One dynamic reconfiguration connector of PCI, and what a guest's rtas_errd, drmgr and kernel do with it: the platform's request is taken from the
 * event log, the connector is isolated or not. Source: Power Architecture Platform Reference 2.7, 13.5; QEMU hw/ppc/spapr_drc.c.
 */
export class DrConnector implements SlotController {
  /** Of the first host bridge, by QEMU's formula (hw/ppc/spapr_pci.c, drc_id_from_devfn()); `ibm,my-drc-index` of the device tree is to say the same. */
  readonly index: number;

  private constructor(
    private readonly rtas: Rtas,
    private readonly slot: ConnectorSlot,
    chassis: number,
  ) {
    this.index = (pciConnector | (chassis << 8) | devfn(slot.address)) >>> 0;
  }

  /**
   * The connector of a slot on the root bus, or of one behind a bridge, which says in configuration space what chassis it has. Throws GuestError for a
   * bridge that does not.
   */
  static async open(
    rtas: Rtas,
    access: PciAccess,
    slot: ConnectorSlot & { bridge?: PciAddress },
  ): Promise<DrConnector> {
    if (!slot.bridge) return new DrConnector(rtas, slot, rootChassis);
    const bridge = await access.readSpace(slot.bridge);
    const slots = findCapability(bridge, capabilityIds.slotIdentification);
    const chassis = slots && bridge[slots.offset + chassisNumber];
    if (chassis !== undefined) return new DrConnector(rtas, slot, chassis);
    throw new GuestError(`the bridge above ${slot.name} does not say what chassis it has`);
  }

  /** What the sensor dr-entity-sense says is in the connector: 'present' or 'empty' for PCI. */
  async entitySense(): Promise<string> {
    const [status = 0, sense = 0] = await this.rtas.call('get-sensor-state', [entitySenseSensor, this.index], 2);
    if (status === 0) return senses[sense] ?? `sense ${sense}`;
    throw new GuestError(`get-sensor-state answered ${status} to dr-entity-sense of ${this.named}`);
  }

  /** Isolates what is in the connector from the guest; a device that was asked for is gone with it. */
  isolate(): Promise<void> {
    return this.set('isolation-state', [indicators.isolationState, isolation.isolated]);
  }

  /** Gives the guest access to what is in the connector, which may then be configured. */
  unisolate(): Promise<void> {
    return this.set('isolation-state', [indicators.isolationState, isolation.unisolated]);
  }

  /**
   * Takes the platform's request to add or remove what is in the connector from the event log. What the log has before it is taken too, and
   * never answered. Throws GuestError that says what was there instead.
   */
  async takeRequest(action: HotplugRequest['action']): Promise<void> {
    const others: string[] = [];
    for (let log = await this.nextEvent(); log; log = await this.nextEvent()) {
      const request = readHotplugRequest(log);
      if (request?.action === action && request.index === this.index) return;
      others.push(describeEvent(log));
    }
    throw new GuestError(
      `the platform asks for nothing to ${action} in ${this.named}: check-exception told of ${others.join(', ') || 'nothing'}`,
    );
  }

  /** Asks for so many pieces of the connector's node, as a guest does on its way through ibm,configure-connector; fewer where it ends. */
  async askForNode(pieces: number): Promise<Told[]> {
    return this.withPage(async () => {
      const told: Told[] = [];
      const start = Buffer.alloc(workAreaBytes);
      start.writeUInt32BE(this.index);
      await this.rtas.qtest.writeBlock(borrowedPage, start);
      while (told.length < pieces && told.at(-1)?.kind !== 'complete') {
        const [status = 0] = await this.rtas.call('ibm,configure-connector', [borrowedPage, 0], 1);
        told.push(readWorkArea(status, await this.rtas.qtest.readBlock(borrowedPage, workAreaBytes)));
      }
      return told;
    });
  }

  /**
   * Configures what is in the connector: its node of the device tree, which says that it is this connector's and where it is.
   * @param begun what the guest was told of it already, by a call that it has not come to the end of.
   */
  async configure(begun: readonly Told[] = []): Promise<TreeNode> {
    const node = nodeOf([...begun, ...(await this.askForNode(Infinity))]);
    const [index] = cellsOf(node, 'ibm,my-drc-index') ?? [];
    const [address = 0] = cellsOf(node, 'reg') ?? [];
    if (index === this.index && (address & functionMask) === configAddress(this.slot.address)) return node;
    throw new GuestError(
      `ibm,configure-connector gave ${this.named} the node ${node.name} with the index ${index === undefined ? 'of none' : hex(index)} and the address ${hex(address)}`,
    );
  }

  async acceptPlug(): Promise<void> {
    await this.takeRequest('add');
    await this.expectSense('present');
    await this.unisolate();
    await this.configure();
    await this.set('dr-indicator', [indicators.drIndicator, indicator.active]);
  }

  async releaseDevice(): Promise<void> {
    await this.takeRequest('remove');
    await this.isolate();
    await this.expectSense('empty');
    await this.set('dr-indicator', [indicators.drIndicator, indicator.inactive]);
  }

  private get named(): string {
    return `${this.slot.name} (DR connector ${hex(this.index)})`;
  }

  private async expectSense(wanted: (typeof senses)[number]): Promise<void> {
    const sense = await this.entitySense();
    if (sense !== wanted) throw new GuestError(`${this.named} is to be ${wanted}, and dr-entity-sense says ${sense}`);
  }

  private async set(name: string, [token, value]: [token: number, value: number]): Promise<void> {
    const [status = 0] = await this.rtas.call('set-indicator', [token, this.index, value], 1);
    if (status === 0) return;
    throw new GuestError(`set-indicator answered ${status} to ${name} ${value} of ${this.named}`);
  }

  /** The oldest event that nobody has taken; undefined where there is none. */
  private nextEvent(): Promise<Buffer | undefined> {
    return this.withPage(async () => {
      const classes = eventClasses.powerWarnings | eventClasses.hotplug;
      const args = [externalInterrupt, 0, classes, 1, borrowedPage, longestLog];
      const [status = 0] = await this.rtas.call('check-exception', args, 1);
      if (status === noErrorsFound) return undefined;
      if (status === 0) return this.rtas.qtest.readBlock(borrowedPage, longestLog);
      throw new GuestError(`check-exception answered ${status}`);
    });
  }

  private async withPage<T>(use: () => Promise<T>): Promise<T> {
    const { qtest } = this.rtas;
    const original = await qtest.readBlock(borrowedPage, workAreaBytes);
    await using undo = new DisposeStack();
    undo.defer(() => qtest.writeBlock(borrowedPage, original));
    return await use();
  }
}
