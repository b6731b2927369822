import { type BitRow, register, type Register } from './layout.js';

/** What Status and Secondary Status both say of their bus; the two tell of system errors in opposite directions. */
function busStatus(systemError: string): BitRow[] {
  return [
    ['66 MHz Capable', 5],
    ['Fast Back-to-Back Transactions Capable', 7],
    ['Master Data Parity Error', 8],
    ['DEVSEL Timing', 9, 2],
    ['Signaled Target Abort', 11],
    ['Received Target Abort', 12],
    ['Received Master Abort', 13],
    [systemError, 14],
    ['Detected Parity Error', 15],
  ];
}

/** Registers that type 0 and type 1 headers share. Source: PCI Express Base Specification 5.0, 7.5.1.1. */
const commonHeader: Register[] = [
  register([0x00, 2], 'Vendor ID'),
  register([0x02, 2], 'Device ID'),
  register([0x04, 2], 'Command', [
    ['I/O Space Enable', 0],
    ['Memory Space Enable', 1],
    ['Bus Master Enable', 2],
    ['Special Cycle Enable', 3],
    ['Memory Write and Invalidate', 4],
    ['VGA Palette Snoop', 5],
    ['Parity Error Response', 6],
    ['SERR# Enable', 8],
    ['Fast Back-to-Back Transactions Enable', 9],
    ['Interrupt Disable', 10],
  ]),
  register([0x06, 2], 'Status', [
    ['Immediate Readiness', 0],
    ['Interrupt Status', 3],
    ['Capabilities List', 4],
    ...busStatus('Signaled System Error'),
  ]),
  register([0x08, 1], 'Revision ID'),
  register([0x09, 3], 'Class Code'),
  register([0x0c, 1], 'Cache Line Size'),
  register([0x0d, 1], 'Latency Timer'),
  register([0x0e, 1], 'Header Type', [
    ['Header Layout', 0, 7],
    ['Multi-Function Device', 7],
  ]),
  register([0x0f, 1], 'BIST', [
    ['Completion Code', 0, 4],
    ['Start BIST', 6],
    ['BIST Capable', 7],
  ]),
  register([0x34, 1], 'Capabilities Pointer'),
  register([0x3c, 1], 'Interrupt Line'),
  register([0x3d, 1], 'Interrupt Pin', [
    ['Interrupt Pin', 0, 8, '', { 0: 'none', 1: 'INTA', 2: 'INTB', 3: 'INTC', 4: 'INTD' }],
  ]),
];

function baseAddresses(count: number): Register[] {
  return Array.from({ length: count }, (_, index) => register([0x10 + 4 * index, 4], `Base Address Register ${index}`));
}

/** Source: PCI Express Base Specification 5.0, 7.5.1.2. */
export const type0Header: Register[] = [
  ...commonHeader,
  ...baseAddresses(6),
  register([0x28, 4], 'Cardbus CIS Pointer'),
  register([0x2c, 2], 'Subsystem Vendor ID'),
  register([0x2e, 2], 'Subsystem ID'),
  register([0x30, 4], 'Expansion ROM Base Address'),
  register([0x3e, 1], 'Min_Gnt'),
  register([0x3f, 1], 'Max_Lat'),
];

/** Source: PCI Express Base Specification 5.0, 7.5.1.3. */
export const type1Header: Register[] = [
  ...commonHeader,
  ...baseAddresses(2),
  register([0x18, 1], 'Primary Bus Number'),
  register([0x19, 1], 'Secondary Bus Number'),
  register([0x1a, 1], 'Subordinate Bus Number'),
  register([0x1b, 1], 'Secondary Latency Timer'),
  register([0x1c, 1], 'I/O Base'),
  register([0x1d, 1], 'I/O Limit'),
  register([0x1e, 2], 'Secondary Status', [...busStatus('Received System Error')]),
  register([0x20, 2], 'Memory Base'),
  register([0x22, 2], 'Memory Limit'),
  register([0x24, 2], 'Prefetchable Memory Base'),
  register([0x26, 2], 'Prefetchable Memory Limit'),
  register([0x28, 4], 'Prefetchable Base Upper 32 Bits'),
  register([0x2c, 4], 'Prefetchable Limit Upper 32 Bits'),
  register([0x30, 2], 'I/O Base Upper 16 Bits'),
  register([0x32, 2], 'I/O Limit Upper 16 Bits'),
  register([0x38, 4], 'Expansion ROM Base Address'),
  register([0x3e, 2], 'Bridge Control', [
    ['Parity Error Response Enable', 0],
    ['SERR# Enable', 1],
    ['ISA Enable', 2],
    ['VGA Enable', 3],
    ['VGA 16-bit Decode', 4],
    ['Master Abort Mode', 5],
    ['Secondary Bus Reset', 6],
    ['Fast Back-to-Back Transactions Enable', 7],
    ['Primary Discard Timer', 8],
    ['Secondary Discard Timer', 9],
    ['Discard Timer Status', 10],
    ['Discard Timer SERR# Enable', 11],
  ]),
];

/** The registers of a header that are the same in both types, for when the type is not known. */
export const anyHeader: Register[] = commonHeader;
