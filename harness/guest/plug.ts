import type { Deadline } from '../core/deadline.js';
import { GuestError } from '../core/errors.js';
import { parseDeviceLine } from '../machine/device-line.js';
import type { Machine } from '../machine/machine.js';

/** Milliseconds that QEMU may take to carry out what the guest consented to. */
export const consentMs = 5000;

/**
 * Plugs a device in, as `-device` takes it, which the guest has still to notice: its id. Throws GuestError for one without an id, ExecuteError when
 * QEMU refuses it.
 */
export async function insertDevice(machine: Machine, device: string): Promise<string> {
  const line = parseDeviceLine(device);
  if (line.id === undefined) throw new GuestError(`'${device}' needs an id to be hotplugged`);
  await machine.addDevice(line);
  return line.id;
}

/**
 * Asks for a device back, and has the guest let it go. What is returned resolves when QEMU says DEVICE_DELETED, and throws WaitTimeoutError when it
 * does not within five seconds.
 */
export async function withdrawDevice(
  machine: Machine,
  id: string,
  { letGo, deadline }: { letGo: () => Promise<void>; deadline: Deadline },
): Promise<{ deleted: Promise<true> }> {
  const removal = await machine.requestRemoval(id, deadline.within(consentMs));
  await letGo();
  return removal;
}
