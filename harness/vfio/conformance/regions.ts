import { hex } from '../../core/hex.js';
import { deviceFlags, irqs, regionFlags, regions } from '../protocol/numbers.js';
import type { VfioUserClient } from '../client.js';
import type { Bench } from './bench.js';
import type { Check } from './check.js';

/** As many as Linux names for a PCI device (include/uapi/linux/vfio.h): six BARs, ROM, configuration space and VGA. */
const pciRegions = 9;
const firstBar = 0x10;
/** PCI and PCI Express. */
const configSizes: readonly bigint[] = [256n, 4096n];
/** An index that nothing can have. */
const noIndex = 0x7fffffff;

/** What the device says it has, and whether that agrees with its configuration space. */
export const regionChecks: readonly Check[] = [
  {
    name: 'device: a PCI device',
    proves: 'The device is a PCI device and has all regions and interrupt types that one has an index for.',
    source: 'QEMU docs/interop/vfio-user.rst, VFIO_USER_DEVICE_GET_INFO; Linux include/uapi/linux/vfio.h',
    run: async (bench) => {
      const { flags, numRegions, numIrqs } = await (await bench.client()).deviceInfo();
      if ((flags & deviceFlags.PCI) === 0) bench.find(`the flags ${hex(flags)} do not say VFIO_DEVICE_FLAGS_PCI`);
      if (numRegions < pciRegions)
        bench.find(`the device has ${numRegions} regions, and a PCI device has ${pciRegions}`);
      if (numIrqs <= irqs.MSIX)
        bench.find(`the device has ${numIrqs} interrupt types, and MSI-X is number ${irqs.MSIX}`);
    },
  },
  {
    name: 'regions: each has its info',
    proves:
      'Every region answers for itself, configuration space can be read and written, and there is none beyond the last.',
    source: 'QEMU docs/interop/vfio-user.rst, VFIO_USER_DEVICE_GET_REGION_INFO',
    run: async (bench) => {
      const client = await bench.client();
      const { numRegions } = await client.deviceInfo();
      // A server that counts wildly must not keep us for ever.
      for (let index = 0; index < Math.min(numRegions, 64); index++) await client.regionInfo(index);
      bench.begin();
      const config = await client.regionInfo(regions.config);
      const both = regionFlags.READ | regionFlags.WRITE;
      if ((config.flags & both) !== both) bench.find(`configuration space has the flags ${hex(config.flags)}`);
      if (!configSizes.includes(config.size)) {
        bench.find(`configuration space has ${config.size} bytes, and only 256 and 4096 are possible`);
      }
      await bench.mustRefuse(`info of region ${noIndex}`, () => client.regionInfo(noIndex));
    },
  },
  {
    name: 'regions: nothing beyond the end',
    proves: 'A read or write that begins or ends outside of configuration space is refused.',
    source: 'QEMU docs/interop/vfio-user.rst, VFIO_USER_REGION_READ and VFIO_USER_REGION_WRITE',
    run: async (bench) => {
      const client = await bench.client();
      const { size: bytes } = await client.regionInfo(regions.config);
      if (!configSizes.includes(bytes)) return bench.skip(`configuration space has ${bytes} bytes`);
      const size = Number(bytes);
      for (const offset of [size - 1, size, 2 ** 32]) {
        const where = `2 bytes at ${hex(offset)} of a configuration space of ${size} bytes`;
        await bench.mustRefuse(`a read of ${where}`, () => client.read(regions.config, offset, 2));
        await bench.mustRefuse(`a write of ${where}`, () => client.write(regions.config, offset, Buffer.alloc(2)));
      }
    },
  },
  {
    name: 'config: reads of every size',
    proves: 'The same bytes are read in one message as in words, at any alignment.',
    source: 'QEMU docs/interop/vfio-user.rst, VFIO_USER_REGION_READ',
    run: async (bench) => {
      const client = await bench.client();
      const config = await bench.config();
      const accesses = [[0, 256], ...[1, 2, 3, 4, 8, 12, 64].flatMap((count) => [0, 1, 2, 3].map((at) => [at, count]))];
      for (const [at = 0, count = 0] of accesses) {
        bench.begin();
        const read = await client.read(regions.config, at, count);
        if (!read.equals(config.subarray(at, at + count))) {
          bench.find(`${count} bytes at ${hex(at)} read otherwise than in words`);
        }
      }
    },
  },
  {
    name: 'config: BARs have the sizes of their regions',
    proves: 'A BAR that all ones are written to says the size that its region has, and takes its address back.',
    source: 'PCI Local Bus Specification 3.0, 6.2.5.1',
    run: async (bench) => {
      const client = await bench.client();
      for (let bar = 0; bar < 6;) bar += await checkBar(bench, client, bar);
    },
  },
];

/** Sizes one BAR as firmware does; returns how many BARs it takes. */
async function checkBar(bench: Bench, client: VfioUserClient, bar: number): Promise<number> {
  const at = firstBar + 4 * bar;
  const before = await client.read(regions.config, at, 4);
  const kind = before[0] ?? 0;
  const wide = (kind & 0x07) === 0x04;
  const length = wide ? 8 : 4;
  bench.begin();
  const saved: Buffer[] = [];
  for (let word = 0; word < length; word += 4) {
    saved.push(await client.read(regions.config, at + word, 4));
    await client.write(regions.config, at + word, Buffer.alloc(4, 0xff));
  }
  const sized = await client.read(regions.config, at, length);
  for (const [index, word] of saved.entries()) await client.write(regions.config, at + 4 * index, word);
  const address = wide ? sized.readBigUInt64LE() : BigInt(sized.readUInt32LE()) | (0xffffffffn << 32n);
  const mask = address & ~((kind & 1) === 1 ? 0x3n : 0xfn);
  const size = (mask & 0xffffffffn) === 0n && !wide ? 0n : BigInt.asUintN(64, -mask);
  const region = await client.regionInfo(bar);
  if (size !== region.size) bench.find(`BAR ${bar} sizes to ${size} bytes, and its region has ${region.size}`);
  const after = await client.read(regions.config, at, length);
  if (!after.equals(Buffer.concat(saved))) bench.find(`BAR ${bar} does not take its address back`);
  return length / 4;
}
