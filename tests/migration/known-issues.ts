import type { KnownIssue } from 'godwit';

/**
 * Slot Status.PDS was compared when a root port's state was loaded, though a guest that powers its slot off clears it.
 * Fixed in 8.1 (hw/pci/pcie.c, the bit left out of cmask). From pc-q35-6.1 on, ACPI hotplug keeps guests from the slot registers.
 */
export const slotPresenceDetectState: KnownIssue = {
  name: 'slot-presence-detect-state',
  source: 'https://bugzilla.redhat.com/show_bug.cgi?id=2215819',
  builds: { destination: '<8.1' },
  machineTypes: ['pc-q35 <=6.0'],
  side: 'destination',
  evidence: /Slot Status.*\bPDS\b/,
};
