import { type BitRow, register, type Register } from './layout.js';

/** As many lanes as a link can have. */
const lanes = Array.from({ length: 32 }, (_, lane) => lane);

/** What one speed needs of the link's equalization. */
function equalization(speed: string): BitRow[] {
  return [
    [`Equalization ${speed} Complete`, 0],
    [`Equalization ${speed} Phase 1 Successful`, 1],
    [`Equalization ${speed} Phase 2 Successful`, 2],
    [`Equalization ${speed} Phase 3 Successful`, 3],
    [`Link Equalization Request ${speed}`, 4],
  ];
}

/** Presets of each lane, a byte each. */
function lanePresets(speed: string): Register[] {
  return lanes.map((lane) =>
    register([0x20 + lane, 1], `${speed} Lane Equalization Control (lane ${lane})`, [
      [`Downstream Port ${speed} Transmitter Preset`, 0, 4],
      [`Upstream Port ${speed} Transmitter Preset`, 4, 4],
    ]),
  );
}

/** Source: PCI Express Base Specification 5.0, 7.7.3. */
export const secondaryExpress: Register[] = [
  register([0x04, 4], 'Link Control 3', [
    ['Perform Equalization', 0],
    ['Link Equalization Request Interrupt Enable', 1],
    ['Enable Lower SKP OS Generation Vector', 9, 7],
  ]),
  register([0x08, 4], 'Lane Error Status'),
  ...lanes.map((lane) =>
    register([0x0c + 2 * lane, 2], `Lane Equalization Control (lane ${lane})`, [
      ['Downstream Port 8.0 GT/s Transmitter Preset', 0, 4],
      ['Downstream Port 8.0 GT/s Receiver Preset Hint', 4, 3],
      ['Upstream Port 8.0 GT/s Transmitter Preset', 8, 4],
      ['Upstream Port 8.0 GT/s Receiver Preset Hint', 12, 3],
    ]),
  ),
];

/** Source: PCI Express Base Specification 5.0, 7.7.5. */
export const physicalLayer16: Register[] = [
  register([0x04, 4], '16.0 GT/s Capabilities'),
  register([0x08, 4], '16.0 GT/s Control'),
  register([0x0c, 4], '16.0 GT/s Status', equalization('16.0 GT/s')),
  register([0x10, 4], '16.0 GT/s Local Data Parity Mismatch Status'),
  register([0x14, 4], '16.0 GT/s First Retimer Data Parity Mismatch Status'),
  register([0x18, 4], '16.0 GT/s Second Retimer Data Parity Mismatch Status'),
  ...lanePresets('16.0 GT/s'),
];

const modifiedUsage: BitRow[] = [
  ['Modified TS Usage Mode 0 Supported', 8],
  ['Modified TS Usage Mode 1 Supported', 9],
  ['Modified TS Usage Mode 2 Supported', 10],
];

/** Source: PCI Express Base Specification 5.0, 7.7.6. */
export const physicalLayer32: Register[] = [
  register([0x04, 4], '32.0 GT/s Capabilities', [
    ['Equalization Bypass to Highest Rate Supported', 0],
    ['No Equalization Needed Supported', 1],
    ...modifiedUsage,
  ]),
  register([0x08, 4], '32.0 GT/s Control', [
    ['Equalization Bypass to Highest Rate Disable', 0],
    ['No Equalization Needed Disable', 1],
    ['Modified TS Usage Mode Selected', 8, 3],
  ]),
  register([0x0c, 4], '32.0 GT/s Status', [
    ...equalization('32.0 GT/s'),
    ['Modified TS Received', 5],
    ['Received Enhanced Link Behavior Control', 6, 2],
    ['Transmitter Precoding On', 8],
    ['Transmitter Precode Request', 9],
    ['No Equalization Needed Received', 10],
  ]),
  register([0x10, 4], 'Received Modified TS Data 1'),
  register([0x14, 4], 'Received Modified TS Data 2'),
  register([0x18, 4], 'Transmitted Modified TS Data 1'),
  register([0x1c, 4], 'Transmitted Modified TS Data 2'),
  ...lanePresets('32.0 GT/s'),
];

const margining: BitRow[] = [
  ['Receiver Number', 0, 3],
  ['Margin Type', 3, 3],
  ['Usage Model', 6],
  ['Margin Payload', 8, 8],
];

/** Source: PCI Express Base Specification 5.0, 7.7.7. */
export const laneMargining: Register[] = [
  register([0x04, 2], 'Margining Port Capabilities', [['Margining uses Driver Software', 0]]),
  register([0x06, 2], 'Margining Port Status', [
    ['Margining Ready', 0],
    ['Margining Software Ready', 1],
  ]),
  ...lanes.flatMap((lane) => [
    register([0x08 + 4 * lane, 2], `Margining Lane Control (lane ${lane})`, margining),
    register([0x0a + 4 * lane, 2], `Margining Lane Status (lane ${lane})`, margining),
  ]),
];
