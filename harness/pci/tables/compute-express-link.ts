import { type CapabilityLayout, register, type Register } from './layout.js';

/** The vendor under whose number the CXL consortium defines capabilities. */
export const cxlVendor = 0x1e98;

function range(number: 1 | 2, offset: number): Register[] {
  return ['Size High', 'Size Low', 'Base High', 'Base Low'].map((what, index) =>
    register([offset + 4 * index, 4], `Range ${number} ${what}`),
  );
}

/** Source: Compute Express Link Specification 3.1, 8.1.3. */
const device: Register[] = [
  register([0x0a, 2], 'CXL Capability', [
    ['Cache_Capable', 0],
    ['IO_Capable', 1],
    ['Mem_Capable', 2],
    ['Mem_HwInit_Mode', 3],
    ['HDM_Count', 4, 2],
    ['Cache Writeback and Invalidate Capable', 6],
    ['CXL Reset Capable', 7],
    ['CXL Reset Timeout', 8, 3],
    ['CXL Reset Mem Clr Capable', 11],
    ['Multiple Logical Device', 13],
    ['Viral_Capable', 14],
    ['PM Init Completion Reporting Capable', 15],
  ]),
  register([0x0c, 2], 'CXL Control', [
    ['Cache_Enable', 0],
    ['IO_Enable', 1],
    ['Mem_Enable', 2],
    ['Viral_Enable', 14],
  ]),
  register([0x0e, 2], 'CXL Status', [['Viral_Status', 14]]),
  register([0x10, 2], 'CXL Control 2'),
  register([0x12, 2], 'CXL Status 2'),
  register([0x14, 2], 'CXL Lock', [['CONFIG_LOCK', 0]]),
  register([0x16, 2], 'CXL Capability 2'),
  ...range(1, 0x18),
  ...range(2, 0x28),
  register([0x38, 2], 'CXL Capability 3'),
];

/** Source: the same, 8.1.5. */
const portExtensions: Register[] = [
  register([0x0a, 2], 'CXL Port Extension Status', [['Port Power Management Initialization Complete', 0]]),
  register([0x0c, 2], 'Port Control Extensions', [
    ['Unmask SBR', 0],
    ['Unmask Link Disable', 1],
    ['Alt Memory and ID Space Enable', 2],
    ['Alt BME', 3],
    ['Alt PERST', 4],
    ['Viral Enable', 14],
  ]),
  register([0x0e, 1], 'Alternate Bus Base'),
  register([0x0f, 1], 'Alternate Bus Limit'),
  register([0x10, 2], 'Alternate Memory Base'),
  register([0x12, 2], 'Alternate Memory Limit'),
  register([0x14, 2], 'Alternate Prefetchable Memory Base'),
  register([0x16, 2], 'Alternate Prefetchable Memory Limit'),
  register([0x18, 4], 'Alternate Prefetchable Memory Base High'),
  register([0x1c, 4], 'Alternate Prefetchable Memory Limit High'),
  register([0x20, 4], 'CXL RCRB Base'),
  register([0x24, 4], 'CXL RCRB Base High'),
];

/** Source: the same, 8.1.6 and 8.1.7. */
const persistentFlush: Record<'port' | 'device', Register[]> = {
  port: [register([0x0c, 2], 'GPF Phase 1 Control'), register([0x0e, 2], 'GPF Phase 2 Control')],
  device: [register([0x0a, 2], 'GPF Phase 2 Duration'), register([0x0c, 4], 'GPF Phase 2 Power')],
};

/** Source: the same, 8.2.1.3. */
const flexBusPort: Register[] = [
  register([0x0a, 2], 'Flex Bus Port Capability'),
  register([0x0c, 2], 'Flex Bus Port Control'),
  register([0x0e, 2], 'Flex Bus Port Status'),
  register([0x10, 4], 'Flex Bus Port Received Modified TS Data Phase 1'),
  register([0x14, 4], 'Flex Bus Port Capability 2'),
  register([0x18, 4], 'Flex Bus Port Control 2'),
  register([0x1c, 4], 'Flex Bus Port Status 2'),
];

/** Source: the same, 8.1.9. */
const registerLocator: Register[] = [1, 2, 3].flatMap((block) => [
  register([0x04 + 8 * block, 4], `Register Block ${block} Register Offset Low`, [
    ['Register BIR', 0, 3],
    ['Register Block Identifier', 8, 8],
    ['Register Block Offset Low', 16, 16],
  ]),
  register([0x08 + 8 * block, 4], `Register Block ${block} Register Offset High`),
]);

/** What CXL keeps in Designated Vendor-Specific capabilities, by the DVSEC ID; after the headers. Names of IDs: QEMU include/hw/cxl/cxl_pci.h. */
export const cxlLayouts: Readonly<Record<number, CapabilityLayout>> = {
  0: { name: 'CXL Device', registers: device },
  2: { name: 'CXL Non-CXL Function Map', registers: [] },
  3: { name: 'CXL Extensions for Ports', registers: portExtensions },
  4: { name: 'CXL GPF for Ports', registers: persistentFlush.port },
  5: { name: 'CXL GPF for Devices', registers: persistentFlush.device },
  7: { name: 'CXL Flex Bus Port', registers: flexBusPort },
  8: { name: 'CXL Register Locator', registers: registerLocator },
  9: { name: 'CXL MLD', registers: [] },
};
