import { GuestError } from '../../core/errors.js';
import { hex } from '../../core/hex.js';
import { cellsOf, type TreeNode } from '../../machine/device-tree.js';
import type { PciAddress } from '../../pci/address.js';
import { configAddress } from '../../pci/rtas-access.js';
import type { SlotController } from '../slot-controller.js';
import { borrowPage, pageAt, pageBytes } from './borrowed-page.js';
import { describeTold, nodeOf, readWorkArea, type Told } from './configuration.js';
import type { HotplugRequest } from './event-log.js';
import type { PlatformEvents, Rtas } from './platform-events.js';

/** Source of all these numbers: QEMU include/hw/ppc/spapr.h and spapr_drc.h, after PAPR 2.7, 13.5. */
const indicators = { isolationState: 9001, drIndicator: 9002 };
const isolation = { isolated: 0, unisolated: 1 };
const indicator = { inactive: 0, active: 1 };
const entitySenseSensor = 9003;
const senses = ['empty', 'present', 'unusable', 'exchange', 'recover'] as const;

/** Bus, device and function in the first word of `reg`. Source: PCI Bus Binding to IEEE Std 1275-1994, 2.2.1.1. */
const functionMask = 0xffff00;

/** More pieces than any node of a PCI function has: who is told so many is told them for ever. */
const mostPieces = 1000;

/** Where a connector is. */
export interface ConnectorPlace {
  index: number;
  /** Of the function that is in it, or may be. */
  address: PciAddress;
  /** For messages: "the slot of nic0". */
  name: string;
}

/**
 * One dynamic reconfiguration connector of PCI, and what a guest's rtas_errd, drmgr and kernel do with it: the platform's request is taken from the
 * event log, the connector is isolated or not. Source: Power Architecture Platform Reference 2.7, 13.5; QEMU hw/ppc/spapr_drc.c.
 */
export class DrConnector implements SlotController {
  constructor(
    private readonly platform: { rtas: Rtas; events: PlatformEvents },
    private readonly place: ConnectorPlace,
  ) {}

  /** By which RTAS knows it. */
  get index(): number {
    return this.place.index;
  }

  /** What the sensor dr-entity-sense says is in the connector: 'present' or 'empty' for PCI. */
  async entitySense(): Promise<string> {
    const [status = 0, sense = 0] = await this.platform.rtas.call(
      'get-sensor-state',
      [entitySenseSensor, this.index],
      2,
    );
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

  /** Takes the platform's request to add or remove what is in the connector. Throws GuestError that says what it asks for instead. */
  takeRequest(action: HotplugRequest['action']): Promise<void> {
    return this.platform.events.take({ action, index: this.index }, this.named);
  }

  /**
   * Asks for so many pieces of the connector's node, as a guest does on its way through ibm,configure-connector; fewer where it ends. Throws
   * GuestError where it does not end.
   */
  async askForNode(pieces: number): Promise<Told[]> {
    return borrowPage(this.platform.rtas.qtest, async () => {
      const told: Told[] = [];
      const start = Buffer.alloc(pageBytes);
      start.writeUInt32BE(this.index);
      await this.platform.rtas.qtest.writeBlock(pageAt, start);
      let last: Told | undefined;
      while (told.length < pieces && last?.kind !== 'complete') {
        if (last && told.length === mostPieces) {
          throw new GuestError(
            `ibm,configure-connector told ${told.length} pieces of the node of ${this.named}, and of no end; the last one is ${describeTold(last)}`,
          );
        }
        const [status = 0] = await this.platform.rtas.call('ibm,configure-connector', [pageAt, 0], 1);
        last = readWorkArea(status, await this.platform.rtas.qtest.readBlock(pageAt, pageBytes));
        told.push(last);
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
    if (index === this.index && (address & functionMask) === configAddress(this.place.address)) return node;
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
    return `${this.place.name} (DR connector ${hex(this.index)})`;
  }

  private async expectSense(wanted: (typeof senses)[number]): Promise<void> {
    const sense = await this.entitySense();
    if (sense !== wanted) throw new GuestError(`${this.named} is to be ${wanted}, and dr-entity-sense says ${sense}`);
  }

  private async set(name: string, [token, value]: [token: number, value: number]): Promise<void> {
    const [status = 0] = await this.platform.rtas.call('set-indicator', [token, this.index, value], 1);
    if (status === 0) return;
    throw new GuestError(`set-indicator answered ${status} to ${name} ${value} of ${this.named}`);
  }
}
