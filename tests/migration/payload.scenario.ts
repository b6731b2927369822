import { scenario, type MigrationPlan } from 'godwit';
import { tcgDirtyBitmap } from './known-issues.js';
import { autoConverge, mebibyte, outrunTheLink, travelUnderLoad } from './under-load.js';
import { lackOfUserfaultfd } from './userfaultfd.js';

scenario('RAM under load, there and back ten times', {
  guest: 'payload',
  machines: ['pc-q35-6.0', 'pc-q35-7.2'],
  route: 'ping-pong',
  devices: '-device e1000e,romfile=',
  known: [tcgDirtyBitmap],
  body: (journey) => travelUnderLoad(journey, mebibyte),
});

/** Ways to move a guest that dirties more memory than the link takes. */
const ways: Readonly<Record<string, MigrationPlan>> = {
  'auto-converge': autoConverge,
  postcopy: { postcopyAfterPasses: 2 },
  'multifd and auto-converge': { ...autoConverge, capabilities: { multifd: true, ...autoConverge.capabilities } },
};

scenario('RAM dirtied faster than the link', {
  guest: 'payload',
  machines: 'pc-q35-7.2',
  memoryMiB: 64,
  options: { way: Object.keys(ways) },
  known: [tcgDirtyBitmap],
  skip({ options }) {
    return options['way'] === 'postcopy' ? lackOfUserfaultfd() : undefined;
  },
  body: (journey) => outrunTheLink(journey, mebibyte, ways[journey.options['way'] ?? ''] ?? {}),
});
