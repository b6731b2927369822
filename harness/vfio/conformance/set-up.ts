import { constants } from 'node:os';
import { hex } from '../../core/hex.js';
import { capabilityIds } from '../../pci/capability-ids.js';
import { findCapability } from '../../pci/registers.js';
import { deviceFlags, errnoName, irqs, irqSetFlags, regions } from '../protocol/numbers.js';
import { enableMsix } from './bench.js';
import type { Check } from './check.js';

/** An index that nothing can have. */
const noIndex = 0x7fffffff;
const page = 4096n;
const command = 0x04;

/** What a client sets up before a device works: interrupts, memory; and the reset that takes it back. */
export const setUpChecks: readonly Check[] = [
  {
    name: 'interrupts: each type has its info',
    proves:
      'Every interrupt type answers for itself, there is none beyond the last, and MSI-X has as many as its Table Size says.',
    source: 'QEMU docs/interop/vfio-user.rst, VFIO_USER_DEVICE_GET_IRQ_INFO',
    run: async (bench) => {
      const client = await bench.client();
      const { numIrqs } = await client.deviceInfo();
      for (let index = 0; index < Math.min(numIrqs, 64); index++) await client.irqInfo(index);
      await bench.mustRefuse(`info of interrupt type ${noIndex}`, () => client.irqInfo(noIndex));
      const config = await bench.config();
      const msix = findCapability(config, capabilityIds.msix);
      if (!msix) return;
      const vectors = (config.readUInt16LE(msix.offset + 2) & 0x7ff) + 1;
      bench.begin();
      const { count } = await client.irqInfo(irqs.MSIX);
      if (count !== vectors) bench.find(`MSI-X has ${count} interrupts, and its Table Size says ${vectors}`);
    },
  },
  {
    name: 'interrupts: set up and taken back',
    proves:
      'Interrupts of a type can be taken back one by one and all together, and those that are not there are refused.',
    source: 'QEMU docs/interop/vfio-user.rst, VFIO_USER_DEVICE_SET_IRQS',
    run: async (bench) => {
      const client = await bench.client();
      const { count } = await client.irqInfo(irqs.MSIX);
      if (count === 0) bench.skip('the device has no MSI-X interrupts');
      const action = irqSetFlags.ACTION_TRIGGER;
      const eventfd = irqSetFlags.DATA_EVENTFD | action;
      bench.begin();
      await client.setIrqs({ flags: eventfd, index: irqs.MSIX, start: 0, count: 1 });
      await client.setIrqs({ flags: irqSetFlags.DATA_NONE | action, index: irqs.MSIX, start: 0, count: 0 });
      await bench.mustRefuse(`setting interrupt ${count} of ${count}`, () =>
        client.setIrqs({ flags: eventfd, index: irqs.MSIX, start: count, count: 1 }),
      );
    },
  },
  {
    name: 'DMA: memory is mapped once',
    proves: 'Memory is mapped and unmapped, and a mapping over another one is refused with EEXIST.',
    source: 'QEMU docs/interop/vfio-user.rst, VFIO_USER_DMA_MAP and VFIO_USER_DMA_UNMAP',
    run: async (bench) => {
      const client = await bench.client();
      const address = 1n << 32n;
      await client.mapDma(address, 2n * page);
      for (const [what, over] of [
        ['a mapping over another one', address],
        ['a mapping over half of another one', address + page],
      ] as const) {
        const refused = await bench.mustRefuse(what, () => client.mapDma(over, 2n * page));
        if (refused && refused.errno !== constants.errno.EEXIST)
          bench.find(`${what} was refused with ${errnoName(refused.errno)}, and not with EEXIST`);
        if (!refused && over !== address) await client.unmapDma(over, 2n * page);
      }
      bench.begin();
      await client.unmapDma(address, 2n * page);
      await bench.mustRefuse('unmapping what is not mapped', () => client.unmapDma(address, 2n * page));
    },
  },
  {
    name: 'reset: the device comes back',
    proves: 'After a reset the device is the same device, and answers.',
    source: 'QEMU docs/interop/vfio-user.rst, VFIO_USER_DEVICE_RESET; PCI Express Base Specification 5.0, 6.6.2',
    run: async (bench) => {
      const client = await bench.client();
      if (((await client.deviceInfo()).flags & deviceFlags.RESET) === 0) {
        bench.skip('the device does not say VFIO_DEVICE_FLAGS_RESET');
      }
      const before = await bench.config();
      const msix = findCapability(before, capabilityIds.msix);
      await client.write(regions.config, command, Buffer.from([0x06, 0x00]));
      if (msix) await enableMsix(client, msix.offset, true);
      bench.begin();
      await client.reset();
      const after = await bench.config();
      for (const at of [0x00, 0x08, 0x2c, 0x34]) {
        if (after.readUInt32LE(at) !== before.readUInt32LE(at)) bench.find(`after a reset ${hex(at)} reads otherwise`);
      }
      // Whether this reset is one as PCI means it, no specification says: QEMU takes both back before it resets.
      if ((after.readUInt16LE(command) & 0x06) !== 0) bench.note('a reset leaves Command as it was');
      if (msix && (after.readUInt8(msix.offset + 3) & 0x80) !== 0) bench.note('a reset leaves MSI-X enabled');
      await client.write(regions.config, command, before.subarray(command, command + 2));
      if (msix) await enableMsix(client, msix.offset, false);
    },
  },
];
