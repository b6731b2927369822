import { GuestError } from '../../core/errors.js';
import { parseDeviceLine } from '../../machine/device-line.js';
import { isEvent } from '../../qmp/messages.js';
import { functionOf } from './pci.js';
import { type GuestShell, quoted } from './shell.js';

/** Plugs a PCI device in, and resolves when the guest has found it. Throws ExecuteError when QEMU refuses it. */
export async function plugDevice(guest: GuestShell, device: string): Promise<void> {
  const line = parseDeviceLine(device);
  const { id } = line;
  if (id === undefined) throw new GuestError(`'${device}' needs an id to be hotplugged`);
  const known = quoted(await guest.sh('ls /sys/bus/pci/devices'));
  await guest.machine.addDevice(line);
  // QEMU knows its address only when the guest has numbered the bus that it is on, which it has where a bridge is there from the start.
  await guest.until(`[ "$(ls /sys/bus/pci/devices)" != ${known} ]`, `the device ${id}`);
  const address = await functionOf(guest, id);
  await guest.until(`[ -e /sys/bus/pci/devices/${address} ]`, `the device ${id} at ${address}`);
}

/** Milliseconds in which a guest gives a device back: pciehp takes five seconds, in which somebody could change their mind. */
const unplugMs = 30_000;

/** Asks for a device back, and resolves when QEMU says DEVICE_DELETED. */
export async function unplugDevice({ machine, deadline }: GuestShell, id: string): Promise<void> {
  const { deleted } = await machine.requestRemoval(id, deadline.within(unplugMs));
  await deleted;
  machine.forgetDevice(id);
}

/** Plugs in the first CPU that there is room for, and puts it online. Throws GuestError when there is none. */
export async function plugProcessor(guest: GuestShell): Promise<number> {
  const { machine } = guest;
  const places = await machine.qmp.execute('query-hotpluggable-cpus');
  const free = places.filter((place) => place['qom-path'] === undefined).at(-1);
  if (!free) throw new GuestError(`the ${machine.label} QEMU has no room for another CPU: see -smp maxcpus`);
  const number = Number(await guest.sh('nproc'));
  const place = Object.entries(free.props).map(([name, value]) => `${name}=${String(value)}`);
  await machine.addDevice(parseDeviceLine([free.type, `id=cpu${number}`, ...place].join(',')));
  const path = `/sys/devices/system/cpu/cpu${number}`;
  await guest.until(`[ -e ${path} ]`, `CPU ${number}`);
  await guest.sh(`[ "$(cat ${path}/online)" = 1 ] || echo 1 > ${path}/online`);
  return number;
}

/** MiB of memory that the guest has, as a substitution of its shell. */
const totalMiB = `$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)`;

/**
 * Readies a guest for so many MiB more, and returns what waits for it to have them. What is new is to be for what can be moved, which is what
 * programs have: only so can it be taken out again.
 */
async function expectMemory(guest: GuestShell, mebibytes: number): Promise<() => Promise<void>> {
  await guest.sh('echo online_movable > /sys/devices/system/memory/auto_online_blocks');
  const before = Number(await guest.sh(`echo ${totalMiB}`));
  return () => guest.until(`[ ${totalMiB} -ge ${before + mebibytes} ]`, `${mebibytes} MiB more of memory`);
}

/** Plugs in a DIMM, and resolves when the guest has put so much more memory online. */
export async function plugMemory(guest: GuestShell, id: string, mebibytes: number): Promise<void> {
  const { machine } = guest;
  const online = await expectMemory(guest, mebibytes);
  await machine.addObject(`memory-backend-ram,id=${id}-memory,size=${mebibytes * 2 ** 20}`);
  await machine.addDevice(parseDeviceLine(`pc-dimm,id=${id},memdev=${id}-memory`));
  await online();
}

/** Asks a virtio-mem device for so many MiB in all, and resolves when QEMU says that it has them and the guest has what is more. */
export async function resizeMemory(guest: GuestShell, id: string, mebibytes: number): Promise<void> {
  const { machine, deadline } = guest;
  const path = `/machine/peripheral/${id}`;
  const size = Number(await machine.qmp.execute('qom-get', { path, property: 'size' }));
  const online = await expectMemory(guest, mebibytes - size / 2 ** 20);
  const bytes = mebibytes * 2 ** 20;
  const resized = machine.events.until({
    what: `${id} to have ${mebibytes} MiB`,
    goal: (event) =>
      isEvent(event, 'MEMORY_DEVICE_SIZE_CHANGE') && event.data.id === id && event.data.size === bytes
        ? true
        : undefined,
    deadline,
  });
  resized.catch(() => undefined);
  await machine.qmp.execute('qom-set', { path, property: 'requested-size', value: bytes });
  await resized;
  await online();
}
