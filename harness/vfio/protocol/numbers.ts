import { constants } from 'node:os';

/** Numbers of the commands. Source: QEMU docs/interop/vfio-user.rst, "Commands". */
export const commands = {
  VERSION: 1,
  DMA_MAP: 2,
  DMA_UNMAP: 3,
  DEVICE_GET_INFO: 4,
  DEVICE_GET_REGION_INFO: 5,
  DEVICE_GET_REGION_IO_FDS: 6,
  DEVICE_GET_IRQ_INFO: 7,
  DEVICE_SET_IRQS: 8,
  REGION_READ: 9,
  REGION_WRITE: 10,
  DMA_READ: 11,
  DMA_WRITE: 12,
  DEVICE_RESET: 13,
  REGION_WRITE_MULTI: 15,
  DEVICE_FEATURE: 16,
  MIG_DATA_READ: 17,
  MIG_DATA_WRITE: 18,
} as const;

/** Regions of a PCI device by index: BARs from 0 to 5, the rest by name. Source: Linux include/uapi/linux/vfio.h. */
export const regions = { rom: 6, config: 7, vga: 8 } as const;

/** Interrupt types of a PCI device by index. Source: Linux include/uapi/linux/vfio.h. */
export const irqs = { INTX: 0, MSI: 1, MSIX: 2, ERR: 3, REQ: 4 } as const;

/** Flags of a device, of a region and of an interrupt type. Source: Linux include/uapi/linux/vfio.h. */
export const deviceFlags = { RESET: 1, PCI: 2 } as const;
export const regionFlags = { READ: 1, WRITE: 2, MMAP: 4, CAPS: 8 } as const;
export const irqFlags = { EVENTFD: 1, MASKABLE: 2, AUTOMASKED: 4, NORESIZE: 8 } as const;
export const irqSetFlags = {
  DATA_NONE: 1,
  DATA_BOOL: 2,
  DATA_EVENTFD: 4,
  ACTION_MASK: 8,
  ACTION_UNMASK: 16,
  ACTION_TRIGGER: 32,
} as const;

/** What DEVICE_FEATURE is asked: a feature's index, with one or more of the ways to ask. */
export const features = { MIGRATION: 1, MIG_DEVICE_STATE: 2 } as const;
export const featureFlags = { GET: 1 << 16, SET: 1 << 17, PROBE: 1 << 18 } as const;
export const migrationFlags = { STOP_COPY: 1, P2P: 2, PRE_COPY: 4 } as const;

/** States of a device that migrates. Source: QEMU docs/interop/vfio-user.rst, "VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE". */
export const migrationStates = { ERROR: 0, STOP: 1, RUNNING: 2, STOP_COPY: 3, RESUMING: 4, PRE_COPY: 6 } as const;

export type MigrationState = keyof typeof migrationStates;

/** The name of a command as the specification spells it without its VFIO_USER_, or the number where there is none. */
export function commandName(command: number): string {
  return nameIn(commands, command) ?? `command ${command}`;
}

/** The name of a UNIX errno value as this system has it ("EINVAL"), or the number where there is none. */
export function errnoName(errno: number): string {
  return nameIn(constants.errno, errno) ?? `errno ${errno}`;
}

function nameIn(numbers: Readonly<Record<string, number>>, number: number): string | undefined {
  return Object.entries(numbers).find(([, value]) => value === number)?.[0];
}
