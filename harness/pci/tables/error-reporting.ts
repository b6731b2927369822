import { type BitRow, register, type Register } from './layout.js';

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
  ['Poisoned TLP Egress Blocked', 26],
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
export const errorReporting: Register[] = [
  register([0x04, 4], 'Uncorrectable Error Status', uncorrectable),
  register([0x08, 4], 'Uncorrectable Error Mask', uncorrectable),
  register([0x0c, 4], 'Uncorrectable Error Severity', uncorrectable),
  register([0x10, 4], 'Correctable Error Status', correctable),
  register([0x14, 4], 'Correctable Error Mask', correctable),
  register([0x18, 4], 'Advanced Error Capabilities and Control', [
    ['First Error Pointer', 0, 5],
    ['ECRC Generation Capable', 5],
    ['ECRC Generation Enable', 6],
    ['ECRC Check Capable', 7],
    ['ECRC Check Enable', 8],
    ['Multiple Header Recording Capable', 9],
    ['Multiple Header Recording Enable', 10],
    ['TLP Prefix Log Present', 11],
    ['Completion Timeout Prefix/Header Log Capable', 12],
  ]),
  register([0x1c, 16], 'Header Log'),
  register([0x2c, 4], 'Root Error Command', [
    ['Correctable Error Reporting Enable', 0],
    ['Non-Fatal Error Reporting Enable', 1],
    ['Fatal Error Reporting Enable', 2],
  ]),
  register([0x30, 4], 'Root Error Status', [
    ['ERR_COR Received', 0],
    ['Multiple ERR_COR Received', 1],
    ['ERR_FATAL/NONFATAL Received', 2],
    ['Multiple ERR_FATAL/NONFATAL Received', 3],
    ['First Uncorrectable Fatal', 4],
    ['Non-Fatal Error Messages Received', 5],
    ['Fatal Error Messages Received', 6],
    ['ERR_COR Subclass', 7, 2],
    ['Advanced Error Interrupt Message Number', 27, 5],
  ]),
  register([0x34, 4], 'Error Source Identification', [
    ['ERR_COR Source Identification', 0, 16],
    ['ERR_FATAL/NONFATAL Source Identification', 16, 16],
  ]),
  register([0x38, 16], 'TLP Prefix Log'),
];
