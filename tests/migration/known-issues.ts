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

/**
 * An xHCI controller keeps a reference to itself, so that QEMU never frees one that is unplugged, and never says DEVICE_DELETED.
 * Seen on 5.2.0 and 7.2.22; fixed in 10.0.13 and 11.1.3 (hw/usb/hcd-xhci-pci.c).
 */
export const xhciNeverDeleted = (side: 'source' | 'destination'): KnownIssue => ({
  name: 'xhci-never-deleted',
  source: 'https://mail-archive.com/qemu-devel@nongnu.org/msg1201363.html',
  builds: { [side]: '<10.0.13' },
  machineTypes: ['pc-q35'],
  options: { device: ['nec-usb-xhci', 'qemu-xhci'] },
  side,
  evidence: /device0 out of its slot and never said DEVICE_DELETED/,
});
