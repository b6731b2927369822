import type { Deadline } from '../../core/deadline.js';
import { DisposeStack } from '../../core/dispose.js';
import { GuestError, UsageError } from '../../core/errors.js';
import { cellsOf, nodeAt, readDeviceTree, treeBytes, type TreeNode } from '../../machine/device-tree.js';
import { familyOf } from '../../machine/family.js';
import type { Machine } from '../../machine/machine.js';
import type { PciAccess } from '../../pci/access.js';
import { parseAddress } from '../../pci/address.js';
import { enumerate } from '../../pci/enumerate.js';
import { type BusUnitId, RtasAccess } from '../../pci/rtas-access.js';
import type { RtasCall } from '../../qtest/rtas.js';
import { findDevice, listFunctions } from '../config-snapshot.js';
import { firstSerial } from '../first-serial.js';
import { mapDevices } from '../map-devices.js';
import { insertDevice, withdrawDevice } from '../plug.js';
import type { DrConnector } from '../reconfiguration/connector.js';
import { DynamicReconfiguration } from '../reconfiguration/reconfiguration.js';
import { readMsix } from '../state/msix.js';
import type { Reading } from '../state/part.js';
import { type InterruptSource, type MsiAnswer, MsiCalls, type MsiRequest } from './change-msi.js';
import { bufferWords } from './frame.js';
import { RtasPort } from './port.js';
import { pciNode } from './pci-node.js';

/** For messages. */
const itself = 'its RTAS guest';
/** Words at the start of an argument buffer: token, number of arguments, number of results. */
const headWords = 3;
/** The most of a device tree that is read to learn how long it is. */
const treeHeaderBytes = 40;

/**
 * A guest of some hundred bytes on a pseries machine, with a vCPU that makes the RTAS calls it is asked for. It goes from machine to machine
 * with the migrations; whoever migrates tells it with `arrive`. All methods throw GuestError when it does not answer.
 */
export class RtasGuest implements AsyncDisposable {
  /** Configuration space as the guest sees it, by calls of its own. */
  readonly access: PciAccess;
  private readonly msi: MsiCalls;
  private readonly reconfiguration: DynamicReconfiguration;
  private readonly tokens: ReadonlyMap<string, number>;

  private constructor(
    private current: Machine,
    /** What QEMU gave the guest at reset. */
    readonly deviceTree: TreeNode,
    private readonly way: { port: RtasPort; deadline: Deadline; buid: BusUnitId },
  ) {
    this.tokens = tokensOf(deviceTree);
    const call: RtasCall = (name, args, results) => this.rtas(name, args, results);
    this.access = new RtasAccess(call, way.buid);
    this.msi = new MsiCalls(call, way.buid);
    const here = (): Machine => this.current;
    const rtas = {
      call,
      get qtest() {
        return here().qtest;
      },
    };
    this.reconfiguration = new DynamicReconfiguration(rtas, this.access);
  }

  /**
   * Starts the guest of a machine that was just launched with its image as `-bios` and a serial port, and waits for its hello.
   * Throws GuestError when nothing of the kind is heard before the deadline, which holds for all that follows.
   */
  static async attach(machine: Machine, deadline: Deadline): Promise<RtasGuest> {
    const { rtas: buid } = familyOf(machine.spec.machineType);
    if (!buid) throw new UsageError(`a machine of type ${machine.spec.machineType} has no RTAS; accepted: pseries`);
    await using undo = new DisposeStack();
    const port = new RtasPort(firstSerial(machine, itself));
    undo.defer(() => port.close());
    const hello = port.hello(deadline);
    // A refused `cont` is the better reason.
    hello.catch(() => undefined);
    await machine.qmp.execute('cont');
    const [at = 0] = (await hello).words;
    const bytes = treeBytes(await machine.qtest.readBlock(at, treeHeaderBytes));
    const tree = readDeviceTree(await machine.qtest.readBlock(at, bytes));
    const guest = new RtasGuest(machine, tree, { port, deadline, buid });
    // What was registered is the guest's own to do from here on.
    undo.move();
    return guest;
  }

  /** The machine that it is on. */
  get machine(): Machine {
    return this.current;
  }

  /** Takes up with the machine that it came to by migration, which may still be stopped. What it was being asked is asked there again. */
  arrive(machine: Machine): Promise<void> {
    this.current = machine;
    this.way.port.moveTo(firstSerial(machine, itself));
    return Promise.resolve();
  }

  /**
   * Has the guest make an RTAS call: its results, the status first.
   * @param call the name, which the device tree has a token for, or the token itself.
   * @throws UsageError for a name that the device tree has no token for, and where arguments and results do not fit into a buffer; GuestError where
   * the hypervisor refuses the call.
   */
  async rtas(call: string | number, args: readonly number[], results: number): Promise<number[]> {
    const token = typeof call === 'number' ? call : this.tokens.get(call);
    if (token === undefined) {
      throw new UsageError(
        `the device tree has no RTAS call '${call}'; it has: ${[...this.tokens.keys()].sort().join(', ')}`,
      );
    }
    const words = headWords + args.length + results;
    if (words > bufferWords) {
      throw new UsageError(`an RTAS call of ${words} words does not fit; accepted: ${bufferWords}`);
    }
    const what = `the RTAS call ${call}`;
    const answer = await this.way.port.call(what, [token, args.length, results, ...args], this.way.deadline);
    if (answer.status !== 0) throw new GuestError(`the hypervisor answered ${answer.status} to ${what}`);
    return answer.words.slice(headWords + args.length, words).map((word) => word | 0);
  }

  /** ibm,change-msi for a PCI function ("00:01.0"). */
  changeMsi(address: string, request: MsiRequest): Promise<MsiAnswer> {
    return this.msi.changeMsi(address, request);
  }

  /** ibm,query-interrupt-source-number: the interrupt of a PCI function that has this index among its own. */
  interruptSource(address: string, index: number): Promise<InterruptSource> {
    return this.msi.interruptSource(address, index);
  }

  /** Plugs a device in, as `-device` takes it, and brings it up. Throws ExecuteError when QEMU refuses it. */
  async hotplug(device: string): Promise<void> {
    const id = await insertDevice(this.current, device);
    await (await this.connector(id)).acceptPlug();
  }

  /** Asks for a device back, and lets it go; resolves when QEMU says DEVICE_DELETED, and throws WaitTimeoutError when it does not within five seconds. */
  async unplug(id: string): Promise<void> {
    const connector = await this.connector(id);
    const letGo = (): Promise<void> => connector.releaseDevice();
    await (
      await withdrawDevice(this.current, id, { letGo, deadline: this.way.deadline })
    ).deleted;
    this.current.forgetDevice(id);
  }

  /** The dynamic reconfiguration connector that a PCI device is in, by its `-device` id. Throws GuestError where there is no such device. */
  async connector(id: string): Promise<DrConnector> {
    return this.reconfiguration.connectorOf(this.current, await findDevice(this.current, id));
  }

  /** Numbers the buses and gives every memory BAR an address, as firmware does. */
  async mapDevices(): Promise<void> {
    await enumerate(this.access);
    const { pciMemory } = familyOf(this.current.spec.machineType);
    await mapDevices(this.access, await listFunctions(this.current), pciMemory);
  }

  /** The words of a function's MSI-X table and pending bits by their names; none where it has none, or no address for them. */
  async msixTable(address: string): Promise<Reading[]> {
    const config = await this.configSpace(address);
    const { pciMemory } = familyOf(this.current.spec.machineType);
    return (await readMsix(this.current.qtest, config, pciMemory.cpuOffset)).read();
  }

  /** All of a function's configuration space. */
  configSpace(address: string): Promise<Uint8Array> {
    return this.access.readSpace(parseAddress(address));
  }

  /** A property of a PCI function in the device tree, as words; undefined where it has none of that name. Throws GuestError where there is no such function. */
  property(address: string, name: string): number[] | undefined {
    const node = pciNode(this.deviceTree, parseAddress(address));
    if (!node) throw new GuestError(`the device tree has no PCI function ${address}`);
    return cellsOf(node, name);
  }

  /** Speaks to it no more; its machine stays as it is. */
  [Symbol.asyncDispose](): Promise<void> {
    this.way.port.close();
    return Promise.resolve();
  }
}

/** Every call that there is a token for: properties of /rtas that hold one word. */
function tokensOf(tree: TreeNode): Map<string, number> {
  const node = nodeAt(tree, '/rtas');
  if (!node) throw new GuestError('the device tree has no /rtas');
  return new Map(
    [...node.properties].flatMap(([name, value]) =>
      value.length === 4 ? [[name, value.readUInt32BE()] as const] : [],
    ),
  );
}
