import type { Build } from '../../../../harness/build/build.js';
import { resolveBuild } from '../../../../harness/build/resolve.js';
import { Deadline } from '../../../../harness/core/deadline.js';
import { rtasImage } from '../../../../harness/guest/rtas/image.js';
import { RtasGuest } from '../../../../harness/guest/rtas/rtas-guest.js';
import type { Machine } from '../../../../harness/machine/machine.js';
import type { Launchpad, LaunchWish, Suite } from '../../support/launchpad.js';

/** A card with MSI-X, one with neither, and a controller with both, at 00:00.0 to 00:02.0; a bridge with another card behind it. */
export const devices = [
  ...[
    '-device',
    'virtio-net-pci,id=net0,romfile=',
    '-device',
    'e1000,id=net1,romfile=',
    '-device',
    'nec-usb-xhci,id=usb0',
  ],
  ...['-device', 'pci-bridge,id=bridge0,chassis_nr=1', '-device', 'e1000e,id=net2,romfile=,bus=bridge0,addr=3'],
];

/** A Debian suite's QEMU for ppc64. */
export function ppc64(suite: Suite): Promise<Build> {
  return resolveBuild(`deb:${suite}`, { arch: 'ppc64' });
}

/** A pseries machine of bookworm's QEMU with these devices that has not started. */
export async function launchPseries(
  pad: Launchpad,
  { suite = 'bookworm', ...wish }: LaunchWish & { suite?: Suite } = {},
) {
  const machine: Machine = await pad.launch({
    ...{ build: await ppc64(suite), machineType: 'pseries-5.2', memoryMiB: 256, serials: 1 },
    ...wish,
    words: [...devices, ...(wish.words ?? [])],
  });
  return machine;
}

/** A pseries machine with an RTAS guest that has not started. */
export async function launchRtas(pad: Launchpad, wish: LaunchWish & { suite?: Suite } = {}): Promise<Machine> {
  return launchPseries(pad, { ...wish, words: ['-bios', await rtasImage()] });
}

/** An RTAS guest that has said hello. */
export async function startRtas(pad: Launchpad, wish: LaunchWish & { suite?: Suite } = {}): Promise<RtasGuest> {
  return RtasGuest.attach(await launchRtas(pad, wish), Deadline.after(20_000));
}
