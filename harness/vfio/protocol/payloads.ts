import { Struct } from './struct.js';

/** Payloads of the commands. Source: QEMU docs/interop/vfio-user.rst, the section of each command. */
export const deviceInfo = new Struct('device info', { argsz: 4, flags: 4, numRegions: 4, numIrqs: 4 });

/** Of the request and the reply; after it come the capabilities of a region that has any. */
export const regionInfo = new Struct('region info', {
  argsz: 4,
  flags: 4,
  index: 4,
  capOffset: 4,
  size: 8,
  offset: 8,
});

export const irqInfo = new Struct('IRQ info', { argsz: 4, flags: 4, index: 4, count: 4 });

/** After it comes one byte for each interrupt, where the flags say DATA_BOOL. */
export const irqSet = new Struct('IRQ set', { argsz: 4, flags: 4, index: 4, start: 4, count: 4 });

/** Of a read and a write of a region: after it come the data of a write's request and of a read's reply. */
export const regionAccess = new Struct('region access', { offset: 8, region: 4, count: 4 });

export const dmaMap = new Struct('DMA map', { argsz: 4, flags: 4, offset: 8, address: 8, size: 8 });

export const dmaUnmap = new Struct('DMA unmap', { argsz: 4, flags: 4, address: 8, size: 8 });

/** Of a read and a write of the client's memory, as `regionAccess`. */
export const dmaAccess = new Struct('DMA access', { address: 8, count: 8 });

/** After it comes what the feature has. */
export const deviceFeature = new Struct('device feature', { argsz: 4, flags: 4 });

export const migrationFeature = new Struct('migration feature', { flags: 8 });

export const migrationStateData = new Struct('migration state', { deviceState: 4, dataFd: 4 });

/** Of MIG_DATA_READ and MIG_DATA_WRITE: after it come the data. */
export const migrationData = new Struct('migration data', { argsz: 4, size: 4 });
