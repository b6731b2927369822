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
 * Machine types up to 2.9 leave the MSI-X table of a root port out of the stream, for the sake of streams that old: a guest that uses it waits
 * for interrupts that do not come any more.
 */
export const rootPortMsix: KnownIssue = {
  name: 'root-port-msix-left-out',
  source: 'hw/core/machine.c, hw_compat_2_9: pcie-root-port.x-migrate-msix is false',
  // Before, the slot itself is refused first.
  builds: { destination: '>=8.1' },
  machineTypes: ['pc-q35 <=2.9', 'virt <=2.9'],
  side: 'destination',
  evidence: /^MSI-X (?:Message Address|Message Data|Vector Control) of entry 0 of \S*root-port\S* /,
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

/**
 * nec-usb-xhci offers streams from 10.0 on, whatever the machine type: HCCPARAMS1 has MaxPSASize 7 (256 streams), and had 0. The flag is on by
 * default in the controller that every xHCI device contains (hw/usb/hcd-xhci.c, property "streams", and usb_xhci_init() that makes a mask of it).
 * Up to 9.x nec_xhci_instance_init() (hw/usb/hcd-xhci-nec.c) put its own flags over those of that controller, with bits for
 * superspeed-ports-first and force-pcie-endcap and none for streams; 10.0 dropped both properties and the assignment with them, and no
 * compat property keeps the old value. A driver reads HCCPARAMS1 once and sets up streams that an older destination has not.
 */
const xhciStreams = (newer: 'source' | 'destination'): KnownIssue => ({
  name: 'nec-xhci-streams',
  source: 'hw/usb/hcd-xhci-nec.c, nec_xhci_instance_init(), in 7.2.22 and in 10.0.13',
  builds: { source: '<10.0', destination: '<10.0', [newer]: '>=10.0' },
  machineTypes: ['pc-q35', 'pc-i440fx'],
  side: 'destination',
  evidence: /^HCCPARAMS1 of .* was 0x8[07]001 on the source and is 0x8[07]001 on the destination$/,
});

/**
 * Link Status of a switch's downstream port is what the device below it has, cut down to the port's own Link Capabilities. xio3130
 * fills in none of these, so that 5.2 cut it to nothing; later versions put in the smallest there is (hw/pci/pcie.c, pcie_sync_bridge_lnk()).
 */
const switchLinkStatus = (older: 'source' | 'destination'): KnownIssue => ({
  name: 'switch-link-status',
  source: 'hw/pci/pcie.c, pcie_sync_bridge_lnk(), in 5.2.0 and in 7.2.22',
  builds: { source: '>=7.2', destination: '>=7.2', [older]: '<7.2' },
  machineTypes: ['pc-q35'],
  options: { behind: ['switch'] },
  side: 'destination',
  evidence: /^Link Status \(Current Link Speed, Negotiated Link Width\) of slot\d/,
});

const bothWays = ['source', 'destination'] as const;

/** For every scenario that puts devices behind the catalogue's attachments: even an empty slot of a switch shows it. */
export const switchLinkStatuses: readonly KnownIssue[] = bothWays.map(switchLinkStatus);

/** For scenarios that migrate with every device of the catalogue plugged in, or with those of some options. */
export const xhciStreamsOf = (options: NonNullable<KnownIssue['options']> = {}): readonly KnownIssue[] =>
  bothWays.map((newer) => ({ ...xhciStreams(newer), options }));

/**
 * 10.0.13 gives every virtqueue 1024 entries at first, whatever the device asked for (hw/virtio/virtio.c, virtio_add_queue(): "Always set to max
 * queue size for qemu <11.1"), and 11.1.3 refuses a stream in which a queue has more than its device asked for.
 */
export const virtioQueueSize = (options: NonNullable<KnownIssue['options']> = {}): KnownIssue => ({
  name: 'virtio-queue-size',
  source: 'https://lore.kernel.org/qemu-devel/a5cff318f06cd06b37224e15ee74d64d1df8b12b.1785179875.git.mst@redhat.com/',
  builds: { source: '>=10.0.13 <11.1', destination: '>=11.1' },
  machineTypes: ['pc-q35', 'pc-i440fx'],
  options,
  side: 'destination',
  evidence: /^.*VQ \d+ vring\.num 1024 exceeds allocated max \d+/,
});

/**
 * virtio-mem offers VIRTIO_MEM_F_PERSISTENT_SUSPEND (bit 2) wherever the machine can wake up from suspend, on old machine types too: 7.2.22 does
 * not have it, 10.0.13 does, and no compat property takes it back. A driver that took it cannot go back to the older build.
 */
const virtioMemSuspend = (newer: 'source' | 'destination'): KnownIssue => ({
  name: 'virtio-mem-persistent-suspend',
  source: 'hw/virtio/virtio-mem.c, virtio_mem_get_features(), in 7.2.22 and in 10.0.13',
  builds: { source: '<10.0', destination: '<10.0', [newer]: '>=10.0' },
  machineTypes: ['pc-q35'],
  options: { property: ['virtio-mem.x-early-migration'], switched: ['as it is'] },
  side: 'destination',
  evidence: /^device_feature of .* was 0x3000000[15] on the source and is 0x3000000[15] on the destination$/,
});

/** For scenarios in which a virtio-mem device goes between builds before and after 10.0. */
export const virtioMemSuspends: readonly KnownIssue[] = bothWays.map(virtioMemSuspend);

/**
 * Under TCG a page that is written again after its dirty bit was cleared may not be marked again: where RAM is a multiple of 256 KiB,
 * cpu_physical_memory_sync_dirty_bitmap() clears the bits and leaves the TLB as it is, so that stores go on without being noticed, and the
 * destination gets an old page. Later versions call cpu_physical_memory_dirty_bits_cleared() there.
 */
export const tcgDirtyBitmap: KnownIssue = {
  name: 'tcg-dirty-bitmap',
  source: 'include/exec/ram_addr.h, cpu_physical_memory_sync_dirty_bitmap(), in 7.2.22 and in 10.0.13',
  builds: { source: '<9.0' },
  machineTypes: ['pc-q35', 'pc-i440fx'],
  intermittent: true,
  side: 'destination',
  evidence: /^page 0x[\da-f]+ of guest RAM was|is not what the guest wrote/,
};

/** The same bug as the guest shows it where no oracle compares memory: its kernel or its shell went on with an old page. */
export const tcgDirtyBitmapInGuest: KnownIssue = {
  ...tcgDirtyBitmap,
  evidence:
    /the guest's kernel said|did not end in the guest within|has not answered since|ended with status \d+ in the guest/,
};

/**
 * A guest that is suspended to RAM wakes up when it is migrated: migration_completion() asked for it before it stopped the machine, and sent
 * "running" as its state. The source resets its CPUs for the wake-up when their state has been sent, and the guest goes on at the
 * destination right behind the instruction that had suspended it: mostly well, sometimes not at all.
 */
export const suspendedGuestWakes: KnownIssue = {
  name: 'suspended-guest-wakes',
  source: 'https://lore.kernel.org/r/1704312341-66640-7-git-send-email-steven.sistare@oracle.com',
  builds: { source: '<9.0' },
  machineTypes: ['pc-q35'],
  side: 'destination',
  evidence: /of (?:local APIC of CPU 0|00:00\.0)\b.* was .* on the source|guest is not in suspended state/,
};

/**
 * A guest that comes suspended is never started: process_incoming_migration_bh() of earlier versions sets the state and no more, `cont` does
 * nothing in it, and system_wakeup resets CPUs of a machine whose clocks stand still. QEMU says that it runs.
 */
export const suspendedGuestNeverRuns: KnownIssue = {
  name: 'suspended-guest-never-runs',
  source: 'https://lore.kernel.org/r/1704312341-66640-7-git-send-email-steven.sistare@oracle.com',
  builds: { source: '>=9.0', destination: '<9.0' },
  machineTypes: ['pc-q35'],
  side: 'destination',
  evidence: /did not end in the guest within/,
};

/**
 * The same with memory of its own backend, such as a DIMM or virtio-mem: the stores to be noticed again are looked for at the place that a page
 * has in its RAMBlock, and the block begins elsewhere. In the machine's own RAM the two are the same, unless a memory backend was made
 * before it: beside `-object memory-backend-ram,size=256M`, pc.ram begins at 0x10000000 (`info ramblock`).
 */
export const tcgDirtyBlock: KnownIssue = {
  name: 'tcg-dirty-block',
  source: 'include/exec/ram_addr.h, cpu_physical_memory_sync_dirty_bitmap(), the call without rb->offset, in 10.0.13',
  builds: { source: '>=10.0' },
  machineTypes: ['pc-q35', 'pc-i440fx'],
  intermittent: true,
  side: 'destination',
  evidence: /^page 0x[\da-f]+ of guest RAM was|is not what the guest wrote|^a copy of memory differs in the guest/,
};

/**
 * Every user network of a QEMU before 8.2 saves its state as instance 0 of slirp, so that two of them cannot be told apart; later versions
 * number them, and an older one has no instance 1.
 */
export const slirpInstances: KnownIssue = {
  name: 'slirp-instances',
  source: 'net/slirp.c, net_slirp_init(), the call of register_savevm_live(), in 7.2.22 and in 10.0.13',
  builds: { source: '>=10.0', destination: '<8.0' },
  machineTypes: ['pc-q35', 'pc-i440fx'],
  side: 'destination',
  evidence: /^The stream holds slirp, instance 1, and the destination has no such device$/,
};

/**
 * The primary of a failover pair is taken from the guest before it migrates, and 5.2.0 keeps its card present in the slot; on the destination it
 * is still hidden when the port is loaded. Not so from 7.2.22.
 */
export const failoverPresence: KnownIssue = {
  ...slotPresenceDetectState,
  name: 'failover-presence',
  builds: { source: '<6.0', destination: '<8.1' },
  evidence: /Slot Status of port1 .*\bPDS\b/,
};
