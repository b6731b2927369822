import { register, type Register } from './layout.js';

/** Link entries are told up to the eighth; the list may be longer. */
const links = Array.from({ length: 8 }, (_, link) => link);

/** Source: PCI Express Base Specification 5.0, 7.9.8. */
export const linkDeclaration: Register[] = [
  register([0x04, 4], 'Element Self Description', [
    ['Element Type', 0, 4],
    ['Number of Link Entries', 8, 8],
    ['Component ID', 16, 8],
    ['Port Number', 24, 8],
  ]),
  ...links.flatMap((link) => [
    register([0x10 + 16 * link, 4], `Link Description (${link})`, [
      ['Link Valid', 0],
      ['Link Type', 1],
      ['Associate RCRB Header', 2],
      ['Target Component ID', 16, 8],
      ['Target Port Number', 24, 8],
    ]),
    register([0x18 + 16 * link, 8], `Link Address (${link})`),
  ]),
];

/** Source: PCI Express Base Specification 5.0, 7.9.9. */
export const internalLink: Register[] = [
  register([0x04, 4], 'Root Complex Link Capabilities', [
    ['Max Link Speed', 0, 4],
    ['Maximum Link Width', 4, 6],
    ['ASPM Support', 10, 2],
    ['L0s Exit Latency', 12, 3],
    ['L1 Exit Latency', 15, 3],
    ['Supported Link Speeds Vector', 18, 7],
  ]),
  register([0x08, 2], 'Root Complex Link Control', [
    ['ASPM Control', 0, 2],
    ['Extended Synch', 7],
  ]),
  register([0x0a, 2], 'Root Complex Link Status', [
    ['Current Link Speed', 0, 4],
    ['Negotiated Link Width', 4, 6],
  ]),
];

/** Source: PCI Express Base Specification 5.0, 7.9.10. */
export const endpointAssociation: Register[] = [
  register([0x04, 4], 'Association Bitmap for RCiEPs'),
  register([0x08, 4], 'RCEC Associated Bus Numbers', [
    ['RCEC Next Bus', 8, 8],
    ['RCEC Last Bus', 16, 8],
  ]),
];
