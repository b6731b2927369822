import type { Deadline } from '../core/deadline.js';
import { GuestError } from '../core/errors.js';
import { within } from '../core/within.js';
import { devicesOf } from '../machine/device-line.js';
import { familyOf, type MachineFamily } from '../machine/family.js';
import type { Machine } from '../machine/machine.js';
import { EcamAccess, type PciAccess, PortAccess } from '../pci/access.js';
import { formatAddress, parseAddress } from '../pci/address.js';
import { enumerate, type PciFunction } from '../pci/enumerate.js';
import { capabilityIds } from '../pci/capability-ids.js';
import { findCapability } from '../pci/registers.js';
import { RtasAccess } from '../pci/rtas-access.js';
import { isEvent } from '../qmp/messages.js';
import { QtestRtas, type RtasCall } from '../qtest/rtas.js';
import type { StateArea } from '../record/outcome.js';
import { AcpiHotplug, hasAcpiHotplug } from './acpiphp.js';
import {
  type ConfigSnapshot,
  findDevice,
  type ListedFunction,
  listFunctions,
  snapshotConfig,
} from './config-snapshot.js';
import { expectedEcam } from './expected-ecam.js';
import { mapDevices, reachDevices } from './map-devices.js';
import { PciehpSlot } from './pciehp.js';
import { consentMs, insertDevice, withdrawDevice } from './plug.js';
import type { DrConnector } from './reconfiguration/connector.js';
import { DynamicReconfiguration } from './reconfiguration/reconfiguration.js';
import { ShpcSlot } from './shpchp.js';
import type { SlotController } from './slot-controller.js';
import type { FixedFacts } from './state/fixed-facts.js';
import type { StatePart } from './state/part.js';
import { readState } from './state/snapshot.js';

/** Milliseconds within which QEMU usually says that a device is deleted; what takes longer is looked into. */
const promptMs = 150;
const headerTypeOffset = 0x0e;
/** PCIEXBAR of a Q35: where configuration space starts, in steps of 256 MiB. */
const ecamBaseMask = 0xf0000000;
/** Where in guest RAM arguments of RTAS calls are put for a moment. */
const borrowedPlace = 0x8000;

/**
 * A guest without a vCPU: Godwit itself reads and writes the ports and registers that firmware and kernel would, through
 * the qtest socket, while the machine stays paused. It sees nothing but what a guest sees; QMP only tells it names.
 */
export class ScriptedGuest {
  private booted: Promise<PciFunction[]> | undefined;
  private readonly family: MachineFamily;
  /** Where devices are plugged through RTAS. */
  private readonly reconfiguration: DynamicReconfiguration | undefined;
  /** The way that this machine's firmware would have chosen: RTAS or ECAM where there is one. */
  readonly access: PciAccess;

  private constructor(
    readonly machine: Machine,
    private readonly deadline: Deadline,
    { access, before }: { access?: PciAccess | undefined; before?: ScriptedGuest | undefined } = {},
  ) {
    this.family = familyOf(machine.spec.machineType);
    const { qtest } = machine;
    const call = new QtestRtas(qtest, borrowedPlace).call;
    this.access = access ?? usualAccess(machine, this.family, call);
    if (this.family.rtas)
      this.reconfiguration = new DynamicReconfiguration({ call, qtest }, this.access, before?.reconfiguration);
  }

  /** The guest of a machine that has just been started: its firmware has not run yet. */
  static attach(machine: Machine, deadline: Deadline): ScriptedGuest {
    return new ScriptedGuest(machine, deadline, { access: expectedEcam(machine) });
  }

  /**
   * The guest that came to a machine by migration: what its firmware did came with it, and nothing is done again.
   * @param before the guest where it came from, which was told what this one knows: it has that in its RAM.
   */
  static resume(machine: Machine, deadline: Deadline, before?: ScriptedGuest): ScriptedGuest {
    const guest = new ScriptedGuest(machine, deadline, { before });
    guest.booted = Promise.resolve([]);
    return guest;
  }

  /**
   * One who looks at a stopped machine whose guest has a vCPU of its own, and does nothing: configuration space is read where that guest's
   * firmware has put it.
   */
  static async onlooker(machine: Machine, deadline: Deadline): Promise<ScriptedGuest> {
    const ports = new PortAccess(machine.qtest);
    const { ecam, rtas } = familyOf(machine.spec.machineType);
    const place = ecam?.register;
    const register = place
      ? await ports.keepingSelection(() => ports.read(parseAddress(place.address), place.offset, 4))
      : 0;
    const isEnabled = (register & 1) !== 0;
    const moved = isEnabled ? new EcamAccess(machine.qtest, (register & ecamBaseMask) >>> 0) : ports;
    const guest = new ScriptedGuest(machine, deadline, { access: rtas || (ecam && !place) ? undefined : moved });
    guest.booted = Promise.resolve([]);
    return guest;
  }

  /**
   * What firmware does, once: puts configuration space into memory, numbers the buses. Every action below does it first.
   */
  boot(): Promise<PciFunction[]> {
    this.booted ??= this.firmware();
    return this.booted;
  }

  /** Resets the machine, and boots it again. */
  async reset(): Promise<void> {
    const { events, qmp } = this.machine;
    const seen = events.until({
      what: `RESET of the ${this.machine.label} QEMU`,
      goal: (event) => (isEvent(event, 'RESET') ? true : undefined),
      deadline: this.deadline.within(consentMs),
    });
    await qmp.execute('system_reset');
    await seen;
    this.booted = undefined;
    this.reconfiguration?.reset();
    await this.boot();
  }

  /** Plugs a device in, and brings it up as the guest's kernel does. Throws ExecuteError when QEMU refuses it. */
  async hotplug(device: string): Promise<void> {
    await this.acceptPlug(await this.insert(device));
  }

  /** Plugs a device in (`device_add`), which the guest does not look at before `acceptPlug`; gives its id. Throws ExecuteError when QEMU refuses it. */
  async insert(device: string): Promise<string> {
    await this.boot();
    return insertDevice(this.machine, device);
  }

  /** Brings up a device that was plugged in, on this machine or on one that the guest has left since. */
  async acceptPlug(id: string): Promise<void> {
    await this.boot();
    const plugged = await findDevice(this.machine, id);
    await (await this.controllerOf(plugged)).acceptPlug();
    const header = await this.access.read(plugged.address, headerTypeOffset, 1);
    if ((header & 0x7f) === 1) await enumerate(this.access);
  }

  /**
   * Asks for a device back; the guest lets it go; resolves when QEMU says DEVICE_DELETED. Throws GuestError when QEMU took the
   * device and will never say so: whoever manages it would wait for ever.
   */
  async unplug(id: string): Promise<void> {
    await this.boot();
    const { deleted } = await this.release(id);
    await this.settle(id, deleted);
  }

  /**
   * Lets go a device that was asked back (`device_del`), on this machine or on one that the guest has left since; resolves and throws as
   * `unplug` does.
   * @param letGo what the guest does to that end; what it does in `unplug` where nothing is given.
   */
  async releaseDevice(id: string, letGo?: () => Promise<void>): Promise<void> {
    await this.boot();
    const release = letGo ?? (await this.releaseOf(id));
    const deleted = this.machine.deletionOf(id, this.deadline.within(consentMs));
    await release();
    await this.settle(id, deleted);
  }

  /** The slot registers of a root port or downstream port, by its `-device` id. */
  async slot(id: string): Promise<PciehpSlot> {
    await this.boot();
    return this.expressSlot(await findDevice(this.machine, id));
  }

  /** The dynamic reconfiguration connector that a PCI device of a pseries machine is in, by the device's `-device` id. */
  async connector(id: string): Promise<DrConnector> {
    await this.boot();
    if (this.reconfiguration) return this.reconfiguration.connectorOf(this.machine, await findDevice(this.machine, id));
    throw new GuestError(`there are no dynamic reconfiguration connectors on ${this.machine.spec.machineType}`);
  }

  /**
   * Everything that the guest sees in configuration space, at this moment.
   * @param reaching memory BARs that are to have an address, by the configuration space of their function: they get one first.
   */
  async configSpace(reaching?: (config: Uint8Array) => ReadonlySet<number>): Promise<ConfigSnapshot> {
    await this.boot();
    const read = async (): Promise<ConfigSnapshot> => {
      const functions = await listFunctions(this.machine);
      const snapshot = await snapshotConfig(this.access, functions);
      if (reaching) await reachDevices(this.access, functions, { snapshot, reaching, ...this.family.pciMemory });
      return snapshot;
    };
    return this.access instanceof PortAccess ? this.access.keepingSelection(read) : read();
  }

  /** Gives every device an address that has none, so that its registers can be reached. */
  async mapDevices(): Promise<void> {
    await this.boot();
    await mapDevices(this.access, await listFunctions(this.machine), this.family.pciMemory);
  }

  /**
   * Everything outside configuration space that can be read without a guest, in the areas asked for; `config` is what the guest sees at
   * this moment, and `facts` those of the machine where they were asked before. Changes nothing.
   */
  readState(
    config: ConfigSnapshot | Promise<ConfigSnapshot>,
    areas: readonly StateArea[],
    facts?: FixedFacts,
  ): Promise<StatePart[]> {
    return readState(this.machine, config, { family: this.family, areas, facts });
  }

  /** The removal of a device with the guest's consent, up to the event that is still to come. */
  private async release(id: string): Promise<{ deleted: Promise<true> }> {
    const letGo = await this.releaseOf(id);
    return withdrawDevice(this.machine, id, { letGo, deadline: this.deadline });
  }

  /** What the guest does when it is asked for a device; its slot is looked up now, for as long as it is there. */
  private async releaseOf(id: string): Promise<() => Promise<void>> {
    const controller = await this.controllerOf(await findDevice(this.machine, id));
    return () => controller.releaseDevice();
  }

  /** Waits for a device that the guest has let go to be deleted, and forgets it. */
  private async settle(id: string, deleted: Promise<true>): Promise<void> {
    if (!(await within(deleted, promptMs)) && !(await this.has(id))) await this.outwait(id, deleted);
    await deleted;
    this.machine.forgetDevice(id);
  }

  /**
   * Proves that a DEVICE_DELETED will never come, without a long wait: a second device is put into the same slot and taken out.
   * QEMU frees devices in the order of their removal, so its event cannot pass one that is still to come.
   */
  private async outwait(id: string, deleted: Promise<true>): Promise<void> {
    const line = devicesOf(this.machine.spec.words.concat(this.machine.words)).find((device) => device.id === id);
    const place = ['bus', 'addr'].flatMap((name) =>
      line?.properties.has(name) ? [`${name}=${line.properties.get(name)}`] : [],
    );
    const witness = `${id}-witness`;
    try {
      await this.hotplug([`pci-testdev,id=${witness}`, ...place].join(','));
      await (
        await this.release(witness)
      ).deleted;
      this.machine.forgetDevice(witness);
    } catch {
      // Without a witness the full wait has to do.
      return;
    }
    if (await within(deleted, 0)) return;
    throw new GuestError(
      `QEMU took ${id} out of its slot and never said DEVICE_DELETED: another device that was unplugged after it is deleted already`,
    );
  }

  private async firmware(): Promise<PciFunction[]> {
    const { ecam } = this.family;
    if (ecam?.register) {
      const ports = new PortAccess(this.machine.qtest);
      const { address, offset } = ecam.register;
      const controller = parseAddress(address);
      await Promise.all([
        ports.write(controller, { offset: offset + 4, width: 4 }, 0),
        ports.write(controller, { offset, width: 4 }, ecam.base | 1),
      ]);
    }
    return enumerate(this.access);
  }

  private async has(id: string): Promise<boolean> {
    return (await listFunctions(this.machine)).some((listed) => listed.id === id);
  }

  /** Who answers for the slot that a device is in: ACPI where its ports answer, otherwise what the bridge above has. */
  private async controllerOf(listed: ListedFunction): Promise<SlotController> {
    const { bridge, address } = listed;
    const port = this.family.acpiHotplugPort;
    const name = `the slot of ${listed.id}`;
    if (port !== undefined && (await hasAcpiHotplug(this.machine.qtest, port))) {
      const bsel = await this.busSelector(bridge);
      if (bsel !== undefined) return new AcpiHotplug(this.machine.qtest, port, { bsel, device: address.device, name });
    }
    if (this.reconfiguration) return this.reconfiguration.connectorOf(this.machine, listed);
    if (!bridge)
      throw new GuestError(`${name} on the root bus cannot be hot-plugged on ${this.machine.spec.machineType}`);
    const space = await this.access.readSpace(bridge.address);
    if (!findCapability(space, capabilityIds.standardHotPlug)) return this.expressSlot(bridge);
    await this.mapDevices();
    return ShpcSlot.open(this.machine.qtest, this.access, { bridge: bridge.address, device: address.device, name });
  }

  private async expressSlot(port: ListedFunction): Promise<PciehpSlot> {
    const name = port.id === '' ? formatAddress(port.address) : port.id;
    const express = findCapability(await this.access.readSpace(port.address), capabilityIds.express);
    if (!express) throw new GuestError(`${name} has no PCI Express capability`);
    return new PciehpSlot(this.access, port.address, { capabilityOffset: express.offset, name: `the slot of ${name}` });
  }

  /** The selector that QEMU's own AML would have written for the bus; undefined where ACPI does not serve it. */
  private async busSelector(bridge: ListedFunction | undefined): Promise<number | undefined> {
    const path = bridge ? `/machine/peripheral/${bridge.id}/${bridge.id}` : `/machine/${this.family.rootBus}`;
    const value = await this.machine.qmp
      .execute('qom-get', { path, property: 'acpi-pcihp-bsel' })
      .catch(() => undefined);
    return typeof value === 'number' ? value : undefined;
  }
}

function usualAccess({ qtest }: Machine, { ecam, rtas }: MachineFamily, call: RtasCall): PciAccess {
  if (rtas) return new RtasAccess(call, rtas);
  return ecam ? new EcamAccess(qtest, ecam.base) : new PortAccess(qtest);
}
