/**
 * The machine of most Linux scenarios: one boot, saved, then serves them all. Two empty ports to plug into, a network card, a balloon, an
 * unplugged disk (`drive=data`), and room for a second CPU and for DIMMs. Cards share one user network through a hub: two of them would be
 * two instances of slirp, which QEMU before 8.2 cannot tell apart (`slirpInstances`).
 */
export const linuxMachine = `
  -smp 1,maxcpus=2
  -m slots=2,maxmem=1G
  -device pcie-root-port,id=port0,bus=pcie.0,chassis=1
  -device pcie-root-port,id=port1,bus=pcie.0,chassis=2
  -netdev user,id=user0,restrict=on
  -netdev hubport,id=uplink,hubid=0,netdev=user0
  -netdev hubport,id=hub0,hubid=0
  -netdev hubport,id=hub1,hubid=0
  -netdev hubport,id=hub2,hubid=0
  -device virtio-net-pci,id=net0,netdev=hub0,romfile=,mac=52:54:00:00:00:01
  -device virtio-balloon-pci,id=balloon0
`;

/** The disk of that machine, in MiB. */
export const linuxDisks = { data: 16 };

/** What scenarios say that change the devices of that machine before the guest migrates. */
export const onLinuxMachine = {
  guest: 'linux',
  machines: 'pc-q35-*',
  devices: linuxMachine,
  disks: linuxDisks,
  hotplugs: true,
} as const;
