/**
 * The machine of most Linux scenarios: one boot, saved, then serves them all. Two empty ports to plug into, a network card, a balloon, an
 * unplugged disk (`drive=data`), and room for a second CPU and for DIMMs.
 */
export const linuxMachine = `
  -smp 1,maxcpus=2
  -m slots=2,maxmem=1G
  -device pcie-root-port,id=port0,bus=pcie.0,chassis=1
  -device pcie-root-port,id=port1,bus=pcie.0,chassis=2
  -netdev user,id=user0,restrict=on
  -netdev user,id=user1,restrict=on
  -device virtio-net-pci,id=net0,netdev=user0,romfile=,mac=52:54:00:00:00:01
  -device virtio-balloon-pci,id=balloon0
`;

/** The disk of that machine, in MiB. */
export const linuxDisks = { data: 16 };
