import { randomUUID } from 'node:crypto';
import type { Build } from '../../../../harness/build/build.js';
import type { MachineSpec } from '../../../../harness/machine/command-line.js';
import { type StandInDevice, standInEnvironment, standInWords } from '../../../../harness/vfio/stand-in/device.js';
import type { StandIn } from '../../../../harness/vfio/stand-in/library.js';
import type { NestedHost } from './nested-host.js';

/** Where a pair of QEMUs with a VFIO device each runs: beside Godwit with the stand-in, or on the kernel's own VFIO. */
export interface Bed {
  /** Whether it is the kernel that answers. */
  isReal: boolean;
  /** The build as it is started there. */
  build: (build: Build) => Build;
  /** Makes the device of one side: what its QEMU gets for it. */
  device: (build: Build, device: StandInDevice) => Promise<Pick<MachineSpec, 'words' | 'env'>>;
  /** Where folders are made to which its QEMUs write; anywhere on this host where nothing is said. */
  folder?: string;
}

/** The stand-in for the kernel, on this host. */
export function standInBed(standIn: StandIn): Bed {
  return {
    isReal: false,
    build: (build) => build,
    device: (build, device) =>
      Promise.resolve({
        words: standInWords(device, build, standIn),
        env: standInEnvironment(device, standIn),
      }),
  };
}

const types = '/sys/devices/virtual/mtty/mtty/mdev_supported_types';

/**
 * The kernel of a nested host, in which mtty is loaded. Its devices stay until they are removed: there is room for 24. Without dirty page
 * logging: mtty does no DMA, so that its log is always empty, and Debian's kernel, built without IOMMUFD, cannot hand one out. Without protocol v1
 * of VFIO migration, which builds before 8.0 speak: kernels have had v2 alone since 5.18.
 */
export function kernelBed(host: NestedHost): Bed {
  return {
    isReal: true,
    build: (build) => host.nest(build),
    device: async (build, device) => {
      const { vendorSpecific: contents } = device;
      const parameters = '/sys/module/mtty/parameters';
      if (contents?.length) await host.sh(`echo ${contents.join(',')} > ${parameters}/vsc`);
      await host.sh(`echo ${contents?.length ?? -1} > ${parameters}/vsc_length`);
      const uuid = randomUUID();
      await host.sh(`echo ${uuid} > ${types}/mtty-1/create`);
      return { words: standInWords(device, build, { device: `/sys/bus/mdev/devices/${uuid}`, library: '' }) };
    },
    folder: host.shared,
  };
}

/** Takes back all devices that a nested host has made; no QEMU may have one open. */
export async function removeDevices(host: NestedHost): Promise<void> {
  await host.sh('for d in /sys/bus/mdev/devices/*/remove; do [ ! -e $d ] || echo 1 > $d; done');
}
