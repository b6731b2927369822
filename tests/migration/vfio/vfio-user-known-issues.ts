import type { KnownIssue } from 'godwit';

const everywhere = ['pc-i440fx', 'pc-q35'];

/**
 * A vfio-user-pci device has neither a vmstate nor a migration blocker ("No live migration support yet"): both sides complete, and the destination's
 * server, whose device is as it was after its reset, is told nothing. Seen on 11.1.3.
 */
export const nothingMigrates: KnownIssue = {
  name: 'vfio-user-nothing-migrates',
  source: 'hw/vfio-user/pci.c, vfio_user_pci_ops and vfio_user_pci_realize(), from 10.1 on',
  builds: { source: '>=10.1', destination: '>=10.1' },
  machineTypes: everywhere,
  side: 'destination',
  evidence:
    /^MSI-X Message Control \(MSI-X Enable\) of vfio-user0 .* was 0x8003 on the source and is 0x3 on the destination/,
};

/**
 * A vfio-user-pci device that is plugged in and fails to come up after it was attached takes QEMU with it: 11.1.3 answers with the error, and ends by
 * SIGSEGV. Both vfio_user_pci_realize() and vfio_user_instance_finalize() call vfio_pci_put_device() then. On the command line nobody
 * notices, for QEMU ends there anyway.
 */
export const failedRealizeCrashes: KnownIssue = {
  name: 'vfio-user-failed-realize-crashes',
  source: 'hw/vfio-user/pci.c, vfio_user_pci_realize() and vfio_user_instance_finalize(), in 11.1.3',
  builds: { source: '>=11.1' },
  machineTypes: ['pc-q35'],
  options: { server: ['refuses to be read', 'dies in mid-realize', 'answers by half'] },
  side: 'source',
  evidence: /^the source QEMU was ended by SIGSEGV$/,
};
