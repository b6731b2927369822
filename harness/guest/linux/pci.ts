import { GuestError } from '../../core/errors.js';
import { formatAddress } from '../../pci/address.js';
import { findDevice } from '../config-snapshot.js';
import type { GuestShell } from './shell.js';

/** A PCI function as Linux has it. */
export interface GuestFunction {
  /** "0000:00:05.0" */
  address: string;
  vendor: number;
  device: number;
  classCode: number;
  /** Name of the driver that is bound to it; undefined where none is. */
  driver?: string;
}

const folder = '/sys/bus/pci/devices';

/** Every PCI function that the guest has found, in the order of their addresses. */
export async function pciFunctions(guest: GuestShell): Promise<GuestFunction[]> {
  const listing = await guest.sh(
    `cd ${folder} && for d in *; do read v <$d/vendor; read i <$d/device; read c <$d/class; ` +
      'echo "$d $v $i $c $(basename "$(readlink $d/driver)")"; done; cd /',
  );
  return listing.split('\n').flatMap((line) => {
    const [address = '', vendor, device, classCode, driver = ''] = line.split(' ');
    if (address === '') return [];
    const ids = { vendor: Number(vendor), device: Number(device), classCode: Number(classCode) };
    return [{ address, ...ids, ...(driver !== '' && { driver }) }];
  });
}

/** The address of a device's function as the guest writes it. Throws GuestError when QEMU has no device of that id. */
export async function functionOf(guest: GuestShell, id: string): Promise<string> {
  return `0000:${formatAddress((await findDevice(guest.machine, id)).address)}`;
}

/** The address of the slots behind a bridge: "0000:01:00" of the first one. Throws GuestError when it is no bridge. */
export async function slotBehind(guest: GuestShell, id: string): Promise<string> {
  const { buses } = await findDevice(guest.machine, id);
  if (!buses) throw new GuestError(`${id} is no bridge: it has no slots`);
  return `0000:${buses.secondary.toString(16).padStart(2, '0')}:00`;
}

/** The name of the network interface that a device's driver has made, once it has. */
export function interfaceOf(guest: GuestShell, id: string): Promise<string> {
  return madeBy(guest, id, 'net');
}

/** The path of the disk that a device's driver has made, once it has. */
export async function blockDeviceOf(guest: GuestShell, id: string): Promise<string> {
  return `/dev/${await madeBy(guest, id, 'block')}`;
}

async function madeBy(guest: GuestShell, id: string, kind: 'net' | 'block'): Promise<string> {
  const at = `${folder}/${await functionOf(guest, id)}`;
  // Drivers of virtio make it one level deeper.
  const anywhere = `$(ls ${at}/${kind} ${at}/virtio*/${kind} 2>/dev/null | grep -v : | head -n 1)`;
  await guest.until(`[ -n "${anywhere}" ]`, `a ${kind} device of ${id}`);
  return guest.sh(`echo ${anywhere}`);
}
