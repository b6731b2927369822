/** A bit field: its name as the specification abbreviates it, or in full where it has no abbreviation. */
export interface RegisterBits {
  name: string;
  /** The name in full, where `name` is an abbreviation. */
  title?: string;
  /** Lowest bit of the field within the register. */
  shift: number;
  /** In bits. */
  width: number;
  meaning?: (value: number) => string;
}

export interface Register {
  name: string;
  /** Within its header or capability, in bytes. */
  offset: number;
  /** In bytes. */
  width: number;
  bits: RegisterBits[];
}

/** The registers of a capability, and its name. A capability without a table has names for its bytes only. */
export interface CapabilityLayout {
  name: string;
  registers: Register[];
}

type Meanings = Readonly<Record<number, string>>;
type BitRow = [name: string, shift: number, width?: number, title?: string, meanings?: Meanings];

function register([offset, width]: [offset: number, width: number], name: string, rows: BitRow[] = []): Register {
  return { name, offset, width, bits: rows.map(bits) };
}

function bits([name, shift, width, title, meanings]: BitRow): RegisterBits {
  return {
    name,
    ...(title && { title }),
    shift,
    width: width ?? 1,
    ...(meanings && { meaning: (value: number) => meanings[value] ?? `0x${value.toString(16)}` }),
  };
}

const indicator = { 1: 'on', 2: 'blinking', 3: 'off' };
const speeds = { 1: '2.5 GT/s', 2: '5 GT/s', 3: '8 GT/s', 4: '16 GT/s', 5: '32 GT/s', 6: '64 GT/s' };

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
    ['66 MHz Capable', 5],
    ['Fast Back-to-Back Transactions Capable', 7],
    ['Master Data Parity Error', 8],
    ['DEVSEL Timing', 9, 2],
    ['Signaled Target Abort', 11],
    ['Received Target Abort', 12],
    ['Received Master Abort', 13],
    ['Signaled System Error', 14],
    ['Detected Parity Error', 15],
  ]),
  register([0x08, 1], 'Revision ID'),
  register([0x09, 3], 'Class Code'),
  register([0x0c, 1], 'Cache Line Size'),
  register([0x0d, 1], 'Latency Timer'),
  register([0x0e, 1], 'Header Type', [
    ['Header Layout', 0, 7],
    ['Multi-Function Device', 7],
  ]),
  register([0x0f, 1], 'BIST'),
  register([0x34, 1], 'Capabilities Pointer'),
  register([0x3c, 1], 'Interrupt Line'),
  register([0x3d, 1], 'Interrupt Pin'),
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
  register([0x1e, 2], 'Secondary Status'),
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
  ]),
];

/** The registers of a header that are the same in both types, for when the type is not known. */
export const anyHeader: Register[] = commonHeader;

/** Source: PCI Express Base Specification 5.0, 7.5.3.10, table 7-26. */
const slotControl = register([0x18, 2], 'Slot Control', [
  ['ABPE', 0, 1, 'Attention Button Pressed Enable'],
  ['PFDE', 1, 1, 'Power Fault Detected Enable'],
  ['MRLSCE', 2, 1, 'MRL Sensor Changed Enable'],
  ['PDCE', 3, 1, 'Presence Detect Changed Enable'],
  ['CCIE', 4, 1, 'Command Completed Interrupt Enable'],
  ['HPIE', 5, 1, 'Hot-Plug Interrupt Enable'],
  ['AIC', 6, 2, 'Attention Indicator Control', indicator],
  ['PIC', 8, 2, 'Power Indicator Control', indicator],
  ['PCC', 10, 1, 'Power Controller Control', { 0: 'power on', 1: 'power off' }],
  ['EIC', 11, 1, 'Electromechanical Interlock Control'],
  ['DLLSCE', 12, 1, 'Data Link Layer State Changed Enable'],
  ['ASPLD', 13, 1, 'Auto Slot Power Limit Disable'],
]);

/** Source: PCI Express Base Specification 5.0, 7.5.3.11, table 7-27. */
const slotStatus = register([0x1a, 2], 'Slot Status', [
  ['ABP', 0, 1, 'Attention Button Pressed'],
  ['PFD', 1, 1, 'Power Fault Detected'],
  ['MRLSC', 2, 1, 'MRL Sensor Changed'],
  ['PDC', 3, 1, 'Presence Detect Changed'],
  ['CC', 4, 1, 'Command Completed'],
  ['MRLSS', 5, 1, 'MRL Sensor State', { 0: 'closed', 1: 'open' }],
  ['PDS', 6, 1, 'Presence Detect State', { 0: 'slot empty', 1: 'card present' }],
  ['EIS', 7, 1, 'Electromechanical Interlock Status', { 0: 'disengaged', 1: 'engaged' }],
  ['DLLSC', 8, 1, 'Data Link Layer State Changed'],
]);

/** Source: PCI Express Base Specification 5.0, 7.5.3. */
const express: Register[] = [
  register([0x02, 2], 'PCI Express Capabilities', [
    ['Capability Version', 0, 4],
    ['Device/Port Type', 4, 4],
    ['Slot Implemented', 8],
    ['Interrupt Message Number', 9, 5],
  ]),
  register([0x04, 4], 'Device Capabilities', [
    ['Max_Payload_Size Supported', 0, 3],
    ['Phantom Functions Supported', 3, 2],
    ['Extended Tag Field Supported', 5],
    ['Endpoint L0s Acceptable Latency', 6, 3],
    ['Endpoint L1 Acceptable Latency', 9, 3],
    ['Role-Based Error Reporting', 15],
    ['Captured Slot Power Limit Value', 18, 8],
    ['Captured Slot Power Limit Scale', 26, 2],
    ['Function Level Reset Capability', 28],
  ]),
  register([0x08, 2], 'Device Control', [
    ['Correctable Error Reporting Enable', 0],
    ['Non-Fatal Error Reporting Enable', 1],
    ['Fatal Error Reporting Enable', 2],
    ['Unsupported Request Reporting Enable', 3],
    ['Enable Relaxed Ordering', 4],
    ['Max_Payload_Size', 5, 3],
    ['Extended Tag Field Enable', 8],
    ['Phantom Functions Enable', 9],
    ['Aux Power PM Enable', 10],
    ['Enable No Snoop', 11],
    ['Max_Read_Request_Size', 12, 3],
    ['Initiate Function Level Reset', 15],
  ]),
  register([0x0a, 2], 'Device Status', [
    ['Correctable Error Detected', 0],
    ['Non-Fatal Error Detected', 1],
    ['Fatal Error Detected', 2],
    ['Unsupported Request Detected', 3],
    ['AUX Power Detected', 4],
    ['Transactions Pending', 5],
  ]),
  register([0x0c, 4], 'Link Capabilities', [
    ['Max Link Speed', 0, 4, '', speeds],
    ['Maximum Link Width', 4, 6],
    ['ASPM Support', 10, 2, 'Active State Power Management Support'],
    ['L0s Exit Latency', 12, 3],
    ['L1 Exit Latency', 15, 3],
    ['Clock Power Management', 18],
    ['Surprise Down Error Reporting Capable', 19],
    ['Data Link Layer Link Active Reporting Capable', 20],
    ['Link Bandwidth Notification Capability', 21],
    ['ASPM Optionality Compliance', 22],
    ['Port Number', 24, 8],
  ]),
  register([0x10, 2], 'Link Control', [
    ['ASPM Control', 0, 2],
    ['Read Completion Boundary', 3],
    ['Link Disable', 4],
    ['Retrain Link', 5],
    ['Common Clock Configuration', 6],
    ['Extended Synch', 7],
    ['Enable Clock Power Management', 8],
    ['Hardware Autonomous Width Disable', 9],
    ['Link Bandwidth Management Interrupt Enable', 10],
    ['Link Autonomous Bandwidth Interrupt Enable', 11],
  ]),
  register([0x12, 2], 'Link Status', [
    ['Current Link Speed', 0, 4, '', speeds],
    ['Negotiated Link Width', 4, 6],
    ['Link Training', 11],
    ['Slot Clock Configuration', 12],
    ['DLLLA', 13, 1, 'Data Link Layer Link Active'],
    ['Link Bandwidth Management Status', 14],
    ['Link Autonomous Bandwidth Status', 15],
  ]),
  register([0x14, 4], 'Slot Capabilities', [
    ['ABP', 0, 1, 'Attention Button Present'],
    ['PCP', 1, 1, 'Power Controller Present'],
    ['MRLSP', 2, 1, 'MRL Sensor Present'],
    ['AIP', 3, 1, 'Attention Indicator Present'],
    ['PIP', 4, 1, 'Power Indicator Present'],
    ['HPS', 5, 1, 'Hot-Plug Surprise'],
    ['HPC', 6, 1, 'Hot-Plug Capable'],
    ['Slot Power Limit Value', 7, 8],
    ['Slot Power Limit Scale', 15, 2],
    ['EIP', 17, 1, 'Electromechanical Interlock Present'],
    ['NCCS', 18, 1, 'No Command Completed Support'],
    ['Physical Slot Number', 19, 13],
  ]),
  slotControl,
  slotStatus,
  register([0x1c, 2], 'Root Control', [
    ['System Error on Correctable Error Enable', 0],
    ['System Error on Non-Fatal Error Enable', 1],
    ['System Error on Fatal Error Enable', 2],
    ['PME Interrupt Enable', 3],
    ['CRS Software Visibility Enable', 4],
  ]),
  register([0x1e, 2], 'Root Capabilities', [['CRS Software Visibility', 0]]),
  register([0x20, 4], 'Root Status', [
    ['PME Requester ID', 0, 16],
    ['PME Status', 16],
    ['PME Pending', 17],
  ]),
  register([0x24, 4], 'Device Capabilities 2', [
    ['Completion Timeout Ranges Supported', 0, 4],
    ['Completion Timeout Disable Supported', 4],
    ['ARI Forwarding Supported', 5],
    ['AtomicOp Routing Supported', 6],
    ['LTR Mechanism Supported', 11],
    ['Extended Fmt Field Supported', 20],
    ['End-End TLP Prefix Supported', 21],
  ]),
  register([0x28, 2], 'Device Control 2', [
    ['Completion Timeout Value', 0, 4],
    ['Completion Timeout Disable', 4],
    ['ARI Forwarding Enable', 5],
    ['AtomicOp Requester Enable', 6],
    ['LTR Mechanism Enable', 10],
  ]),
  register([0x2a, 2], 'Device Status 2'),
  register([0x2c, 4], 'Link Capabilities 2', [['Supported Link Speeds Vector', 1, 7]]),
  register([0x30, 2], 'Link Control 2', [['Target Link Speed', 0, 4, '', speeds]]),
  register([0x32, 2], 'Link Status 2'),
  register([0x34, 4], 'Slot Capabilities 2'),
  register([0x38, 2], 'Slot Control 2'),
  register([0x3a, 2], 'Slot Status 2'),
];

const powerManagement: Register[] = [
  register([0x02, 2], 'Power Management Capabilities', [
    ['Version', 0, 3],
    ['PME Clock', 3],
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
    ['PME_Status', 15],
  ]),
  register([0x06, 1], 'Bridge Support Extensions'),
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
    ]),
    register([0x04, 4], 'MSI Message Address'),
    ...(wide ? [register([0x08, 4], 'MSI Message Upper Address')] : []),
    register([data, 2], 'MSI Message Data'),
    register([data + 2, 2], 'MSI Extended Message Data'),
    ...((messageControl & 0x100) === 0 ? [] : masks),
  ];
}

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

const subsystem: Register[] = [register([0x04, 2], 'Subsystem Vendor ID'), register([0x06, 2], 'Subsystem ID')];

/** Capabilities by their ID. Sources: PCI Code and ID Assignment Specification 1.11, 2; the tables as the registers say. */
export const capabilityLayouts: Readonly<Record<number, CapabilityLayout>> = {
  0x01: { name: 'PCI Power Management', registers: powerManagement },
  0x02: { name: 'AGP', registers: [] },
  0x03: { name: 'VPD', registers: [] },
  0x04: { name: 'Slot Identification', registers: [] },
  0x05: { name: 'MSI', registers: [] },
  0x07: { name: 'PCI-X', registers: [] },
  0x08: { name: 'HyperTransport', registers: [] },
  0x09: { name: 'Vendor-Specific', registers: [] },
  0x0a: { name: 'Debug Port', registers: [] },
  0x0c: { name: 'SHPC', registers: [] },
  0x0d: { name: 'Subsystem ID and Subsystem Vendor ID', registers: subsystem },
  0x10: { name: 'PCI Express', registers: express },
  0x11: { name: 'MSI-X', registers: msix },
  0x12: { name: 'SATA', registers: [] },
  0x13: { name: 'Advanced Features', registers: [] },
  0x14: { name: 'Enhanced Allocation', registers: [] },
};

const uncorrectable: BitRow[] = [
  ['Data Link Protocol Error', 4],
  ['Surprise Down Error', 5],
  ['Poisoned TLP Received', 12],
  ['Flow Control Protocol Error', 13],
  ['Completion Timeout', 14],
  ['Completer Abort', 15],
  ['Unexpected Completion', 16],
  ['Receiver Overflow', 17],
  ['Malformed TLP', 18],
  ['ECRC Error', 19],
  ['Unsupported Request Error', 20],
  ['ACS Violation', 21],
  ['Uncorrectable Internal Error', 22],
  ['MC Blocked TLP', 23],
  ['AtomicOp Egress Blocked', 24],
  ['TLP Prefix Blocked Error', 25],
];

const correctable: BitRow[] = [
  ['Receiver Error', 0],
  ['Bad TLP', 6],
  ['Bad DLLP', 7],
  ['REPLAY_NUM Rollover', 8],
  ['Replay Timer Timeout', 12],
  ['Advisory Non-Fatal Error', 13],
  ['Corrected Internal Error', 14],
  ['Header Log Overflow', 15],
];

/** Source: PCI Express Base Specification 5.0, 7.8.4. */
const errorReporting: Register[] = [
  register([0x04, 4], 'Uncorrectable Error Status', uncorrectable),
  register([0x08, 4], 'Uncorrectable Error Mask', uncorrectable),
  register([0x0c, 4], 'Uncorrectable Error Severity', uncorrectable),
  register([0x10, 4], 'Correctable Error Status', correctable),
  register([0x14, 4], 'Correctable Error Mask', correctable),
  register([0x18, 4], 'Advanced Error Capabilities and Control'),
  register([0x1c, 16], 'Header Log'),
  register([0x2c, 4], 'Root Error Command'),
  register([0x30, 4], 'Root Error Status'),
  register([0x34, 4], 'Error Source Identification'),
];

/** Source: PCI Express Base Specification 5.0, 7.8.8. */
const alternativeRouting: Register[] = [
  register([0x04, 2], 'ARI Capability', [
    ['MFVC Function Groups Capability', 0],
    ['ACS Function Groups Capability', 1],
    ['Next Function Number', 8, 8],
  ]),
  register([0x06, 2], 'ARI Control'),
];

/** Extended capabilities by their ID. Source: PCI Code and ID Assignment Specification 1.11, 3. */
export const extendedCapabilityLayouts: Readonly<Record<number, CapabilityLayout>> = {
  0x01: { name: 'Advanced Error Reporting', registers: errorReporting },
  0x02: { name: 'Virtual Channel', registers: [] },
  0x03: { name: 'Device Serial Number', registers: [register([0x04, 8], 'Serial Number')] },
  0x04: { name: 'Power Budgeting', registers: [] },
  0x05: { name: 'Root Complex Link Declaration', registers: [] },
  0x09: { name: 'Virtual Channel', registers: [] },
  0x0b: { name: 'Vendor-Specific Extended', registers: [] },
  0x0d: {
    name: 'Access Control Services',
    registers: [register([0x04, 2], 'ACS Capability'), register([0x06, 2], 'ACS Control')],
  },
  0x0e: { name: 'ARI', registers: alternativeRouting },
  0x0f: {
    name: 'Address Translation Services',
    registers: [register([0x04, 2], 'ATS Capability'), register([0x06, 2], 'ATS Control')],
  },
  0x10: { name: 'SR-IOV', registers: [] },
  0x12: { name: 'Multicast', registers: [] },
  0x13: { name: 'Page Request Interface', registers: [] },
  0x15: { name: 'Resizable BAR', registers: [] },
  0x16: { name: 'Dynamic Power Allocation', registers: [] },
  0x17: { name: 'TPH Requester', registers: [] },
  0x18: { name: 'Latency Tolerance Reporting', registers: [] },
  0x19: { name: 'Secondary PCI Express', registers: [] },
  0x1b: { name: 'PASID', registers: [] },
  0x1d: { name: 'Downstream Port Containment', registers: [] },
  0x1e: { name: 'L1 PM Substates', registers: [] },
  0x1f: { name: 'Precision Time Measurement', registers: [] },
  0x23: { name: 'Designated Vendor-Specific Extended', registers: [] },
  0x25: { name: 'Data Link Feature', registers: [] },
  0x2e: { name: 'Data Object Exchange', registers: [] },
};
