import { errorReporting } from './error-reporting.js';
import { laneMargining, physicalLayer16, physicalLayer32, secondaryExpress } from './physical-layer.js';
import { endpointAssociation, internalLink, linkDeclaration } from './root-complex.js';
import { type BitRow, type CapabilityLayout, register, type Register } from './layout.js';

/** Source: PCI Express Base Specification 5.0, 7.8.8. */
const alternativeRouting: Register[] = [
  register([0x04, 2], 'ARI Capability', [
    ['MFVC Function Groups Capability', 0],
    ['ACS Function Groups Capability', 1],
    ['Next Function Number', 8, 8],
  ]),
  register([0x06, 2], 'ARI Control', [
    ['MFVC Function Groups Enable', 0],
    ['ACS Function Groups Enable', 1],
    ['Function Group', 4, 3],
  ]),
];

/** Source: PCI Express Base Specification 5.0, 7.9.1. */
const virtualChannel: Register[] = [
  register([0x04, 4], 'Port VC Capability 1', [
    ['Extended VC Count', 0, 3],
    ['Low Priority Extended VC Count', 4, 3],
    ['Reference Clock', 8, 2],
    ['Port Arbitration Table Entry Size', 10, 2],
  ]),
  register([0x08, 4], 'Port VC Capability 2', [
    ['VC Arbitration Capability', 0, 8],
    ['VC Arbitration Table Offset', 24, 8],
  ]),
  register([0x0c, 2], 'Port VC Control', [
    ['Load VC Arbitration Table', 0],
    ['VC Arbitration Select', 1, 3],
  ]),
  register([0x0e, 2], 'Port VC Status', [['VC Arbitration Table Status', 0]]),
  register([0x10, 4], 'VC Resource Capability (0)', [
    ['Port Arbitration Capability', 0, 8],
    ['Reject Snoop Transactions', 15],
    ['Maximum Time Slots', 16, 7],
    ['Port Arbitration Table Offset', 24, 8],
  ]),
  register([0x14, 4], 'VC Resource Control (0)', [
    ['TC/VC Map', 0, 8],
    ['Load Port Arbitration Table', 16],
    ['Port Arbitration Select', 17, 3],
    ['VC ID', 24, 3],
    ['VC Enable', 31],
  ]),
  register([0x1a, 2], 'VC Resource Status (0)', [
    ['Port Arbitration Table Status', 0],
    ['VC Negotiation Pending', 1],
  ]),
];

/** Source: PCI Express Base Specification 5.0, 7.8.1. */
const powerBudgeting: Register[] = [
  register([0x04, 1], 'Power Budgeting Data Select'),
  register([0x08, 4], 'Power Budgeting Data'),
  register([0x0c, 1], 'Power Budget Capability', [['System Allocated', 0]]),
];

const accessControl: BitRow[] = [
  ['Source Validation', 0],
  ['Translation Blocking', 1],
  ['P2P Request Redirect', 2],
  ['P2P Completion Redirect', 3],
  ['Upstream Forwarding', 4],
  ['P2P Egress Control', 5],
  ['Direct Translated P2P', 6],
];

/** Source: PCI Express Base Specification 5.0, 7.7.8. */
const accessControlServices: Register[] = [
  register([0x04, 2], 'ACS Capability', [
    ...accessControl,
    ['Enhanced Capability', 7],
    ['Egress Control Vector Size', 8, 8],
  ]),
  register([0x06, 2], 'ACS Control', accessControl),
  register([0x08, 4], 'ACS Egress Control Vector'),
];

/** Source: PCI Express Base Specification 5.0, 10.5.1. */
const addressTranslation: Register[] = [
  register([0x04, 2], 'ATS Capability', [
    ['Invalidate Queue Depth', 0, 5],
    ['Page Aligned Request', 5],
    ['Global Invalidate Supported', 6],
    ['Relaxed Ordering Supported', 7],
  ]),
  register([0x06, 2], 'ATS Control', [
    ['Smallest Translation Unit', 0, 5],
    ['ATS Enable', 15],
  ]),
];

/** Source: PCI Express Base Specification 5.0, 9.3.3. */
const singleRoot: Register[] = [
  register([0x04, 4], 'SR-IOV Capabilities', [
    ['VF Migration Capable', 0],
    ['ARI Capable Hierarchy Preserved', 1],
    ['VF 10-Bit Tag Requester Supported', 2],
    ['VF Migration Interrupt Message Number', 21, 11],
  ]),
  register([0x08, 2], 'SR-IOV Control', [
    ['VF Enable', 0],
    ['VF Migration Enable', 1],
    ['VF Migration Interrupt Enable', 2],
    ['VF MSE', 3, 1, 'VF Memory Space Enable'],
    ['ARI Capable Hierarchy', 4],
    ['VF 10-Bit Tag Requester Enable', 5],
  ]),
  register([0x0a, 2], 'SR-IOV Status', [['VF Migration Status', 0]]),
  register([0x0c, 2], 'InitialVFs'),
  register([0x0e, 2], 'TotalVFs'),
  register([0x10, 2], 'NumVFs'),
  register([0x12, 1], 'Function Dependency Link'),
  register([0x14, 2], 'First VF Offset'),
  register([0x16, 2], 'VF Stride'),
  register([0x1a, 2], 'VF Device ID'),
  register([0x1c, 4], 'Supported Page Sizes'),
  register([0x20, 4], 'System Page Size'),
  ...Array.from({ length: 6 }, (_, index) => register([0x24 + 4 * index, 4], `VF Base Address Register ${index}`)),
  register([0x3c, 4], 'VF Migration State Array Offset'),
];

/** Source: PCI Express Base Specification 5.0, 7.9.11. */
const multicast: Register[] = [
  register([0x04, 2], 'Multicast Capability', [
    ['MC_Max_Group', 0, 6],
    ['MC_Window_Size_Requested', 8, 6],
    ['MC_ECRC_Regeneration_Supported', 15],
  ]),
  register([0x06, 2], 'Multicast Control', [
    ['MC_Num_Group', 0, 6],
    ['MC_Enable', 15],
  ]),
  register([0x08, 8], 'MC_Base_Address'),
  register([0x10, 8], 'MC_Receive'),
  register([0x18, 8], 'MC_Block_All'),
  register([0x20, 8], 'MC_Block_Untranslated'),
  register([0x28, 8], 'MC_Overlay_BAR'),
];

/** Source: PCI Express Base Specification 5.0, 10.5.2. */
const pageRequest: Register[] = [
  register([0x04, 2], 'Page Request Control', [
    ['Enable', 0],
    ['Reset', 1],
  ]),
  register([0x06, 2], 'Page Request Status', [
    ['Response Failure', 0],
    ['Unexpected Page Request Group Index', 1],
    ['Stopped', 8],
    ['PRG Response PASID Required', 15],
  ]),
  register([0x08, 4], 'Outstanding Page Request Capacity'),
  register([0x0c, 4], 'Outstanding Page Request Allocation'),
];

/** The registers of up to six resizable BARs. Source: PCI Express Base Specification 5.0, 7.8.6. */
const resizableBars: Register[] = Array.from({ length: 6 }, (_, index) => [
  register([0x04 + 8 * index, 4], `Resizable BAR Capability (${index})`, [['Supported BAR Sizes', 4, 28]]),
  register([0x08 + 8 * index, 4], `Resizable BAR Control (${index})`, [
    ['BAR Index', 0, 3],
    ['Number of Resizable BARs', 5, 3],
    ['BAR Size', 8, 6],
    ['Supported BAR Sizes, upper', 16, 16],
  ]),
]).flat();

/** Source: PCI Express Base Specification 5.0, 7.9.12. */
const dynamicPower: Register[] = [
  register([0x04, 4], 'DPA Capability', [['Substate_Max', 0, 5]]),
  register([0x08, 4], 'DPA Latency Indicator'),
  register([0x0c, 2], 'DPA Status', [
    ['Substate Status', 0, 5],
    ['Substate Control Enabled', 8],
  ]),
  register([0x0e, 2], 'DPA Control', [['Substate Control', 0, 5]]),
];

/** Source: PCI Express Base Specification 5.0, 7.9.13. */
const processingHints: Register[] = [
  register([0x04, 4], 'TPH Requester Capability', [
    ['No ST Mode Supported', 0],
    ['Interrupt Vector Mode Supported', 1],
    ['Device Specific Mode Supported', 2],
    ['Extended TPH Requester Supported', 8],
    ['ST Table Location', 9, 2],
    ['ST Table Size', 16, 11],
  ]),
  register([0x08, 4], 'TPH Requester Control', [
    ['ST Mode Select', 0, 3],
    ['TPH Requester Enable', 8, 2],
  ]),
];

const latency: BitRow[] = [
  ['LatencyValue', 0, 10],
  ['LatencyScale', 10, 3],
];

/** Source: PCI Express Base Specification 5.0, 7.8.2. */
const latencyTolerance: Register[] = [
  register([0x04, 2], 'Max Snoop Latency', latency),
  register([0x06, 2], 'Max No-Snoop Latency', latency),
];

/** Source: PCI Express Base Specification 5.0, 7.8.9. */
const processAddressSpace: Register[] = [
  register([0x04, 2], 'PASID Capability', [
    ['Execute Permission Supported', 1],
    ['Privileged Mode Supported', 2],
    ['Max PASID Width', 8, 5],
  ]),
  register([0x06, 2], 'PASID Control', [
    ['PASID Enable', 0],
    ['Execute Permission Enable', 1],
    ['Privileged Mode Enable', 2],
  ]),
];

/** Source: PCI Express Base Specification 5.0, 7.9.15. */
const containment: Register[] = [
  register([0x04, 2], 'DPC Capability', [
    ['DPC Interrupt Message Number', 0, 5],
    ['RP Extensions for DPC', 5],
    ['Poisoned TLP Egress Blocking Supported', 6],
    ['DPC Software Triggering Supported', 7],
    ['RP PIO Log Size', 8, 4],
    ['DL_Active ERR_COR Signaling Supported', 12],
  ]),
  register([0x06, 2], 'DPC Control', [
    ['DPC Trigger Enable', 0, 2],
    ['DPC Completion Control', 2],
    ['DPC Interrupt Enable', 3],
    ['DPC ERR_COR Enable', 4],
    ['Poisoned TLP Egress Blocking Enable', 5],
    ['DPC Software Trigger', 6],
    ['DL_Active ERR_COR Enable', 7],
  ]),
  register([0x08, 2], 'DPC Status', [
    ['DPC Trigger Status', 0],
    ['DPC Trigger Reason', 1, 2],
    ['DPC Interrupt Status', 3],
    ['DPC RP Busy', 4],
    ['DPC Trigger Reason Extension', 5, 2],
    ['RP PIO First Error Pointer', 8, 5],
  ]),
  register([0x0a, 2], 'DPC Error Source ID'),
  register([0x0c, 4], 'RP PIO Status'),
  register([0x10, 4], 'RP PIO Mask'),
  register([0x14, 4], 'RP PIO Severity'),
  register([0x18, 4], 'RP PIO SysError'),
  register([0x1c, 4], 'RP PIO Exception'),
  register([0x20, 16], 'RP PIO Header Log'),
  register([0x30, 4], 'RP PIO ImpSpec Log'),
  register([0x34, 16], 'RP PIO TLP Prefix Log'),
];

/** Source: PCI Express Base Specification 5.0, 7.8.3. */
const substates: Register[] = [
  register([0x04, 4], 'L1 PM Substates Capabilities', [
    ['PCI-PM L1.2 Supported', 0],
    ['PCI-PM L1.1 Supported', 1],
    ['ASPM L1.2 Supported', 2],
    ['ASPM L1.1 Supported', 3],
    ['L1 PM Substates Supported', 4],
    ['Port Common_Mode_Restore_Time', 8, 8],
    ['Port T_POWER_ON Scale', 16, 2],
    ['Port T_POWER_ON Value', 19, 5],
  ]),
  register([0x08, 4], 'L1 PM Substates Control 1', [
    ['PCI-PM L1.2 Enable', 0],
    ['PCI-PM L1.1 Enable', 1],
    ['ASPM L1.2 Enable', 2],
    ['ASPM L1.1 Enable', 3],
    ['Common_Mode_Restore_Time', 8, 8],
    ['LTR_L1.2_THRESHOLD_Value', 16, 10],
    ['LTR_L1.2_THRESHOLD_Scale', 29, 3],
  ]),
  register([0x0c, 4], 'L1 PM Substates Control 2', [
    ['T_POWER_ON Scale', 0, 2],
    ['T_POWER_ON Value', 3, 5],
  ]),
];

/** Source: PCI Express Base Specification 5.0, 7.9.16. */
const precisionTime: Register[] = [
  register([0x04, 4], 'PTM Capability', [
    ['PTM Requester Capable', 0],
    ['PTM Responder Capable', 1],
    ['PTM Root Capable', 2],
    ['Local Clock Granularity', 8, 8],
  ]),
  register([0x08, 4], 'PTM Control', [
    ['PTM Enable', 0],
    ['Root Select', 1],
    ['Effective Granularity', 8, 8],
  ]),
];

/** Source: PCI Express Base Specification 5.0, 7.9.5. */
const vendorHeader: Register[] = [
  register([0x04, 4], 'Vendor-Specific Header', [
    ['VSEC ID', 0, 16],
    ['VSEC Rev', 16, 4],
    ['VSEC Length', 20, 12],
  ]),
];

/** Source: PCI Express Base Specification 5.0, 7.9.6. */
const designatedVendor: Register[] = [
  register([0x04, 4], 'Designated Vendor-Specific Header 1', [
    ['DVSEC Vendor ID', 0, 16],
    ['DVSEC Revision', 16, 4],
    ['DVSEC Length', 20, 12],
  ]),
  register([0x08, 2], 'Designated Vendor-Specific Header 2', [['DVSEC ID', 0, 16]]),
];

/** Source: PCI Express Base Specification 5.0, 7.7.4. */
const dataLinkFeature: Register[] = [
  register([0x04, 4], 'Data Link Feature Capabilities', [
    ['Local Scaled Flow Control Supported', 0],
    ['Data Link Feature Exchange Enable', 31],
  ]),
  register([0x08, 4], 'Data Link Feature Status', [
    ['Remote Scaled Flow Control Supported', 0],
    ['Remote Data Link Feature Supported Valid', 31],
  ]),
];

/** Source: PCI Express Base Specification 6.0, 7.9.24. */
const dataObjectExchange: Register[] = [
  register([0x04, 4], 'DOE Capabilities', [
    ['DOE Interrupt Support', 0],
    ['DOE Interrupt Message Number', 1, 11],
  ]),
  register([0x08, 4], 'DOE Control', [
    ['DOE Abort', 0],
    ['DOE Interrupt Enable', 1],
    ['DOE Go', 31],
  ]),
  register([0x0c, 4], 'DOE Status', [
    ['DOE Busy', 0],
    ['DOE Interrupt Status', 1],
    ['DOE Error', 2],
    ['Data Object Ready', 31],
  ]),
  register([0x10, 4], 'DOE Write Data Mailbox'),
  register([0x14, 4], 'DOE Read Data Mailbox'),
];

/** Source: PCI Express Base Specification 6.0, 7.7.9. */
const deviceThree: Register[] = [
  register([0x04, 4], 'Device Capabilities 3', [
    ['DMWr Request Routing Supported', 0],
    ['14-Bit Tag Completer Supported', 1],
    ['14-Bit Tag Requester Supported', 2],
    ['Receiver L0p Supported', 3],
    ['Port L0p Exit Latency', 4, 3],
    ['Retimer L0p Exit Latency', 7, 3],
  ]),
  register([0x08, 4], 'Device Control 3'),
  register([0x0c, 4], 'Device Status 3', [
    ['Initial Link Width', 0, 3],
    ['Segment Captured', 3],
    ['Remote L0p Supported', 4],
  ]),
];

/** Extended capabilities by their ID. Source: PCI Code and ID Assignment Specification 1.11, 3. */
export const extendedCapabilityLayouts: Readonly<Record<number, CapabilityLayout>> = {
  0x01: { name: 'Advanced Error Reporting', registers: errorReporting },
  0x02: { name: 'Virtual Channel', registers: virtualChannel },
  0x03: { name: 'Device Serial Number', registers: [register([0x04, 8], 'Serial Number')] },
  0x04: { name: 'Power Budgeting', registers: powerBudgeting },
  0x05: { name: 'Root Complex Link Declaration', registers: linkDeclaration },
  0x06: { name: 'Root Complex Internal Link Control', registers: internalLink },
  0x07: { name: 'Root Complex Event Collector Endpoint Association', registers: endpointAssociation },
  0x08: { name: 'Multi-Function Virtual Channel', registers: virtualChannel },
  0x09: { name: 'Virtual Channel', registers: virtualChannel },
  0x0a: { name: 'Root Complex Register Block', registers: [] },
  0x0b: { name: 'Vendor-Specific Extended', registers: vendorHeader },
  0x0c: { name: 'Configuration Access Correlation', registers: [] },
  0x0d: { name: 'Access Control Services', registers: accessControlServices },
  0x0e: { name: 'ARI', registers: alternativeRouting },
  0x0f: { name: 'Address Translation Services', registers: addressTranslation },
  0x10: { name: 'SR-IOV', registers: singleRoot },
  0x11: { name: 'MR-IOV', registers: [] },
  0x12: { name: 'Multicast', registers: multicast },
  0x13: { name: 'Page Request Interface', registers: pageRequest },
  0x15: { name: 'Resizable BAR', registers: resizableBars },
  0x16: { name: 'Dynamic Power Allocation', registers: dynamicPower },
  0x17: { name: 'TPH Requester', registers: processingHints },
  0x18: { name: 'Latency Tolerance Reporting', registers: latencyTolerance },
  0x19: { name: 'Secondary PCI Express', registers: secondaryExpress },
  0x1a: { name: 'Protocol Multiplexing', registers: [] },
  0x1b: { name: 'PASID', registers: processAddressSpace },
  0x1c: { name: 'LN Requester', registers: [] },
  0x1d: { name: 'Downstream Port Containment', registers: containment },
  0x1e: { name: 'L1 PM Substates', registers: substates },
  0x1f: { name: 'Precision Time Measurement', registers: precisionTime },
  0x20: { name: 'PCI Express over M-PHY', registers: [] },
  0x21: { name: 'FRS Queueing', registers: [] },
  0x22: { name: 'Readiness Time Reporting', registers: [] },
  0x23: { name: 'Designated Vendor-Specific Extended', registers: designatedVendor },
  0x24: { name: 'VF Resizable BAR', registers: resizableBars },
  0x25: { name: 'Data Link Feature', registers: dataLinkFeature },
  0x26: { name: 'Physical Layer 16.0 GT/s', registers: physicalLayer16 },
  0x27: { name: 'Lane Margining at the Receiver', registers: laneMargining },
  0x28: { name: 'Hierarchy ID', registers: [] },
  0x29: { name: 'Native PCIe Enclosure Management', registers: [] },
  0x2a: { name: 'Physical Layer 32.0 GT/s', registers: physicalLayer32 },
  0x2b: { name: 'Alternate Protocol', registers: [] },
  0x2c: { name: 'System Firmware Intermediary', registers: [] },
  0x2e: { name: 'Data Object Exchange', registers: dataObjectExchange },
  0x2f: { name: 'Device 3', registers: deviceThree },
  0x30: { name: 'Integrity and Data Encryption', registers: [] },
  0x31: { name: 'Physical Layer 64.0 GT/s', registers: [] },
  0x32: { name: 'Flit Logging', registers: [] },
};
