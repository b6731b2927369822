import { scenario } from 'godwit';
import { tcgDirtyBitmap } from '../known-issues.js';
import { autoConverge, mebibyte, outrunTheLink, travelUnderLoad } from '../under-load.js';
import { lackOfCpuState } from './cpu-state.js';
import { everyGic, gicOf, machines, onVirt } from './virt.js';

/** The start of RAM, behind what the guest keeps for itself (hw/arm/virt.c, base_memmap: VIRT_MEM). */
const first = 0x40000000 + mebibyte;

scenario('arm64: RAM under load, there and back ten times', {
  guest: 'payload',
  machines,
  route: 'ping-pong',
  options: everyGic,
  devices: (cell) => [...gicOf(cell), '-device', 'virtio-net-pci,romfile=,vectors=0'],
  known: [onVirt(tcgDirtyBitmap)],
  skip: lackOfCpuState,
  body: (journey) => travelUnderLoad(journey, first),
});

scenario('arm64: RAM dirtied faster than the link', {
  guest: 'payload',
  machines,
  memoryMiB: 64,
  devices: '-machine gic-version=2',
  known: [onVirt(tcgDirtyBitmap)],
  skip: lackOfCpuState,
  body: (journey) => outrunTheLink(journey, first, autoConverge),
});
