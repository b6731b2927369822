import { express } from './express.js';
import { type CapabilityLayout, register, type Register } from './layout.js';

/** Source: PCI Express Base Specification 5.0, 7.5.2. */
const powerManagement: Register[] = [
  register([0x02, 2], 'Power Management Capabilities', [
    ['Version', 0, 3],
    ['PME Clock', 3],
    ['Immediate_Readiness_on_Return_to_D0', 4],
    ['Device Specific Initialization', 5],
    ['Aux Current', 6, 3],
    ['D1 Support', 9],
    ['D2 Support', 10],
    ['PME Support', 11, 5],
  ]),
  register([0x04, 2], 'Power Management Control/Status', [
    ['PowerState', 0, 2, '', { 0: 'D0', 1: 'D1', 2: 'D2', 3: 'D3hot' }],
    ['No_Soft_Reset', 3],
    ['PME_En', 8],
    ['Data_Select', 9, 4],
    ['Data_Scale', 13, 2],
    ['PME_Status', 15],
  ]),
  register([0x06, 1], 'Bridge Support Extensions', [
    ['B2_B3#', 6],
    ['BPCC_En', 7],
  ]),
  register([0x07, 1], 'Power Management Data'),
];

/** Message Control decides whether the address has 64 bits, and so where the rest sits. Source: the same, 7.7.1. */
export function msiRegisters(messageControl: number): Register[] {
  const wide = (messageControl & 0x80) !== 0;
  const data = wide ? 0x0c : 0x08;
  const masks = [register([data + 4, 4], 'MSI Mask Bits'), register([data + 8, 4], 'MSI Pending Bits')];
  return [
    register([0x02, 2], 'MSI Message Control', [
      ['MSI Enable', 0],
      ['Multiple Message Capable', 1, 3],
      ['Multiple Message Enable', 4, 3],
      ['64-bit Address Capable', 7],
      ['Per-Vector Masking Capable', 8],
      ['Extended Message Data Capable', 9],
      ['Extended Message Data Enable', 10],
    ]),
    register([0x04, 4], 'MSI Message Address'),
    ...(wide ? [register([0x08, 4], 'MSI Message Upper Address')] : []),
    register([data, 2], 'MSI Message Data'),
    register([data + 2, 2], 'MSI Extended Message Data'),
    ...((messageControl & 0x100) === 0 ? [] : masks),
  ];
}

/** Source: PCI Express Base Specification 5.0, 7.7.2. */
const msix: Register[] = [
  register([0x02, 2], 'MSI-X Message Control', [
    ['Table Size', 0, 11],
    ['Function Mask', 14],
    ['MSI-X Enable', 15],
  ]),
  register([0x04, 4], 'MSI-X Table Offset/Table BIR', [
    ['Table BIR', 0, 3],
    ['Table Offset', 3, 29],
  ]),
  register([0x08, 4], 'MSI-X PBA Offset/PBA BIR', [
    ['PBA BIR', 0, 3],
    ['PBA Offset', 3, 29],
  ]),
];

/** Source: PCI-to-PCI Bridge Architecture Specification 1.2, 3.2.5.13; PCI Express Base Specification 5.0, 7.9.23. */
const subsystem: Register[] = [register([0x04, 2], 'Subsystem Vendor ID'), register([0x06, 2], 'Subsystem ID')];

/** Source: PCI Local Bus Specification 3.0, appendix I. */
const vitalProductData: Register[] = [
  register([0x02, 2], 'VPD Address', [
    ['VPD Address', 0, 15],
    ['F', 15, 1, 'Flag of a finished transfer'],
  ]),
  register([0x04, 4], 'VPD Data'),
];

/** Source: PCI-to-PCI Bridge Architecture Specification 1.2, 13.2. */
const slotIdentification: Register[] = [
  register([0x02, 1], 'Expansion Slot', [
    ['Expansion Slots Provided', 0, 5],
    ['First in Chassis', 5],
  ]),
  register([0x03, 1], 'Chassis Number'),
];

/** Source: PCI Standard Hot-Plug Controller and Subsystem Specification 1.0, 4.6. */
const hotPlugController: Register[] = [
  register([0x02, 1], 'SHPC DWORD Select'),
  register([0x03, 1], 'SHPC Pending', [
    ['Controller SERR Pending', 6],
    ['Controller Interrupt Pending', 7],
  ]),
  register([0x04, 4], 'SHPC DWORD Data'),
];

/** Source: PCI-X Addendum 2.0, 7.2: type 0; a bridge has others there. */
const pciX: Register[] = [
  register([0x02, 2], 'PCI-X Command', [
    ['Uncorrectable Data Error Recovery Enable', 0],
    ['Enable Relaxed Ordering', 1],
    ['Maximum Memory Read Byte Count', 2, 2],
    ['Maximum Outstanding Split Transactions', 4, 3],
    ['PCI-X Capability Version', 12, 2],
  ]),
  register([0x04, 4], 'PCI-X Status', [
    ['Function Number', 0, 3],
    ['Device Number', 3, 5],
    ['Bus Number', 8, 8],
    ['64-bit Device', 16],
    ['133 MHz Capable', 17],
    ['Split Completion Discarded', 18],
    ['Unexpected Split Completion', 19],
    ['Device Complexity', 20],
    ['Designed Maximum Memory Read Byte Count', 21, 2],
    ['Designed Maximum Outstanding Split Transactions', 23, 3],
    ['Designed Maximum Cumulative Read Size', 26, 3],
    ['Received Split Completion Error Message', 29],
    ['PCI-X 266 Capable', 30],
    ['PCI-X 533 Capable', 31],
  ]),
  register([0x08, 4], 'PCI-X ECC Control and Status'),
];

/** Source: Conventional PCI Advanced Capabilities ECN (Advanced Features). */
const advancedFeatures: Register[] = [
  register([0x02, 1], 'AF Length'),
  register([0x03, 1], 'AF Capabilities', [
    ['TP Capability', 0, 1, 'Transactions Pending'],
    ['FLR Capability', 1, 1, 'Function Level Reset'],
  ]),
  register([0x04, 1], 'AF Control', [['Initiate FLR', 0]]),
  register([0x05, 1], 'AF Status', [['Transactions Pending', 0]]),
];

/** Source: PCI Express Base Specification 5.0, 7.8.5. */
const enhancedAllocation: Register[] = [
  register([0x02, 2], 'EA Entries', [['Num Entries', 0, 6]]),
  register([0x04, 4], 'EA First Entry', [
    ['Entry Size', 0, 3],
    ['BAR Equivalent Indicator', 4, 4],
    ['Primary Properties', 8, 8],
    ['Secondary Properties', 16, 8],
    ['Writable', 30],
    ['Enable', 31],
  ]),
];

/** The header of a Vendor-Specific capability; what follows is the vendor's. Source: PCI Express Base Specification 5.0, 7.9.4. */
const vendorSpecific: Register[] = [register([0x02, 1], 'Vendor-Specific Capability Length')];

/** Source: AHCI Specification 1.3.1, 2.4 (SATA Capability). */
const sata: Register[] = [
  register([0x02, 2], 'SATA Capability Revision'),
  register([0x04, 4], 'SATA BAR Offset/Location', [
    ['BAR Location', 0, 4],
    ['BAR Offset', 4, 20],
  ]),
];

/** Source: Enhanced Host Controller Interface Specification 1.0, appendix C. */
const debugPort: Register[] = [
  register([0x02, 2], 'Debug Port Offset', [
    ['Offset', 0, 13],
    ['BAR Number', 13, 3],
  ]),
];

/** Capabilities by their ID. Sources: PCI Code and ID Assignment Specification 1.11, 2; the tables as the registers say. */
export const capabilityLayouts: Readonly<Record<number, CapabilityLayout>> = {
  0x01: { name: 'PCI Power Management', registers: powerManagement },
  0x02: { name: 'AGP', registers: [] },
  0x03: { name: 'VPD', registers: vitalProductData },
  0x04: { name: 'Slot Identification', registers: slotIdentification },
  0x05: { name: 'MSI', registers: [] },
  0x06: { name: 'CompactPCI Hot Swap', registers: [] },
  0x07: { name: 'PCI-X', registers: pciX },
  0x08: { name: 'HyperTransport', registers: [] },
  0x09: { name: 'Vendor-Specific', registers: vendorSpecific },
  0x0a: { name: 'Debug Port', registers: debugPort },
  0x0b: { name: 'CompactPCI Central Resource Control', registers: [] },
  0x0c: { name: 'SHPC', registers: hotPlugController },
  0x0d: { name: 'Subsystem ID and Subsystem Vendor ID', registers: subsystem },
  0x0e: { name: 'AGP 8x', registers: [] },
  0x0f: { name: 'Secure Device', registers: [] },
  0x10: { name: 'PCI Express', registers: express },
  0x11: { name: 'MSI-X', registers: msix },
  0x12: { name: 'SATA', registers: sata },
  0x13: { name: 'Advanced Features', registers: advancedFeatures },
  0x14: { name: 'Enhanced Allocation', registers: enhancedAllocation },
};
