import type { KnownIssue } from 'godwit';

const everywhere = ['pc-i440fx', 'pc-q35', 'virt'];

/**
 * Seed 002. Before 9.1 every byte of a vendor-specific capability was compared, though a vendor's driver may well show other contents on
 * another host. From 9.1 on only its header is, where the compat property skip-vsc-check is not off, as it is in machine types up to 9.0.
 */
export const vendorSpecificContents: KnownIssue = {
  name: 'vfio-vendor-specific-contents',
  source:
    'qemu-devel, "[PATCH v3] vfio/pci: migration: Skip config space check for Vendor Specific Information in VSC during restore/load", March 2024',
  builds: { destination: '<9.1' },
  machineTypes: everywhere,
  options: { differs: ['contents'] },
  side: 'destination',
  evidence: /^Vendor-Specific byte 0x3 of vfio0 .* is 0x11 in the stream, 0x22 on the destination/,
};

/**
 * Seed 004. Up to 5.2 a VFIO device's configuration space was sent with the device's data, so that a destination loaded it, and set up the
 * device's interrupts, before the interrupt controller had its state.
 */
export const configBeforeInterruptController: KnownIssue = {
  name: 'vfio-config-before-interrupt-controller',
  source:
    'qemu-devel, "[PATCH RFC] vfio: Move the saving of the config space to the right place in VFIO migration", November 2020',
  builds: { source: '<6.0', destination: '<6.0' },
  machineTypes: everywhere,
  side: 'destination',
  evidence: /\/vfio config-state is loaded before (?:apic|arm_gicv3) in the destination's trace/,
};

/** What the change for seed 004 did to the stream, in both directions: the reply in the seed warns of it. */
export const streamOfVfioConfig: readonly KnownIssue[] = [
  {
    name: 'vfio-config-moved-in-stream',
    source: 'hw/vfio/migration.c, vfio_save_state(), in 5.2.0 and in 7.2.22',
    builds: { source: '<6.0', destination: '>=6.0' },
    machineTypes: everywhere,
    side: 'destination',
    evidence: /Missing section footer for 0000:00:04\.0\/vfio/,
  },
  {
    name: 'vfio-config-moved-in-stream',
    source: 'hw/vfio/migration.c, vfio_save_state(), in 5.2.0 and in 7.2.22',
    builds: { source: '>=6.0', destination: '<6.0' },
    machineTypes: everywhere,
    side: 'destination',
    evidence: /: Unknown tag 0x/,
  },
];

/**
 * Seed 004 with multifd's transfer of device state, of 10.0 on: a thread of its own loads what came, configuration space last, and does not wait
 * for the main channel with the interrupt controller. x-migration-load-config-after-iter of 10.1 makes it wait, on arm64 alone unless it is told,
 * and there from virt-10.1 on.
 */
const configEarly = (builds: string, machineTypes: readonly string[], told: readonly string[]): KnownIssue => ({
  name: 'vfio-multifd-config-before-interrupt-controller',
  source:
    'hw/vfio/migration-multifd.c, vfio_load_bufs_thread(), of 10.0.13; hw/core/machine.c, hw_compat_10_0, of 11.1.3',
  builds: { destination: builds },
  machineTypes,
  options: { 'x-migration-load-config-after-iter': told },
  intermittent: true,
  side: 'destination',
  evidence:
    /\/vfio (?:config-state|MSI-X) is loaded before (?:apic|arm_gicv3|arm_gicv3_its) in the destination's trace/,
});

/**
 * One load in some hundred never ends on 11.1.3, whatever the property and the machine: the source has sent all and completed, and at the
 * destination the thread of the device waits for its first buffer, the main one for that thread, and none that receives is left.
 */
const multifdLoadStarves: KnownIssue = {
  name: 'vfio-multifd-load-starves',
  source:
    'hw/vfio/migration-multifd.c, vfio_load_bufs_thread(), of 11.1.3: 6 of some 450 loads under TCG, and more often on a host under load',
  builds: { source: '>=11.1', destination: '>=11.1' },
  machineTypes: everywhere,
  intermittent: true,
  side: 'destination',
  evidence: /has not come to its end; the last event of it: vfio_load_state_device_buffer_starved/,
};

export const multifdIssues: readonly KnownIssue[] = [
  multifdLoadStarves,
  configEarly('>=10.0 <10.1', everywhere, ['as it is']),
  configEarly('>=10.1', ['pc-i440fx', 'pc-q35', 'virt <=10.0'], ['as it is', 'off']),
  configEarly('>=10.1', ['virt >=10.1'], ['off']),
];
