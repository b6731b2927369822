/** Configuration space from rows of hexadecimal bytes, each with its offset; what is not there is 0. */
export function spaceOf(rows: string, bytes = 4096): Uint8Array {
  const space = new Uint8Array(bytes);
  for (const row of rows.trim().split('\n')) {
    const [offset = '', ...values] = row.trim().split(/\s+/);
    space.set(
      values.map((value) => Number.parseInt(value, 16)),
      Number.parseInt(offset, 16),
    );
  }
  return space;
}

/** pcie-root-port,port=18,chassis=19 on pc-q35-6.0 with a device in its slot, read through ECAM on QEMU 10.0.13. */
export const rootPortSpace = spaceOf(`
  000 36 1b 0c 00 00 00 10 00 00 00 04 06 00 00 01 00
  010 00 00 00 00 00 00 00 00 00 00 00 00 f0 00 00 00
  020 f0 ff 00 00 f1 ff 01 00 00 00 00 00 00 00 00 00
  030 00 00 00 00 54 00 00 00 00 00 00 00 00 01 00 00
  040 0d 00 00 00 36 1b 00 00 11 40 00 00 00 00 00 00
  050 00 08 00 00 10 48 42 01 00 80 00 00 00 00 00 00
  060 04 06 30 12 00 00 04 22 7b 00 02 00 c0 07 40 00
  070 00 00 00 00 00 00 00 00 20 00 30 00 00 00 00 00
  080 1e 00 00 00 04 00 00 00 00 00 00 00 00 00 00 00
  100 01 00 82 14 00 00 00 00 00 00 00 00 30 20 46 00
  110 00 00 00 00 00 e0 00 00 a0 02 00 00 00 00 00 00
  140 00 00 00 00 00 00 00 00 0d 00 01 00 5f`);

/** igb on pc-q35-6.0, read through ECAM on QEMU 10.0.13. */
export const igbSpace = spaceOf(`
  000 86 80 c9 10 00 00 10 00 01 00 00 02 00 00 00 00
  020 00 00 00 00 00 00 00 00 00 00 00 00 f4 1a 00 11
  030 00 00 00 00 40 00 00 00 00 00 00 00 00 01 00 00
  040 01 50 22 00 00 00 00 00 00 00 00 00 00 00 00 00
  050 05 70 80 01 00 00 00 00 00 00 00 00 00 00 00 00
  070 11 a0 09 00 03 00 00 00 03 20 00 00 00 00 00 00
  0a0 10 00 92 00 00 80 00 00 00 00 00 00 11 04 00 00
  100 01 00 01 15 00 00 00 00 00 00 00 00 30 20 46 00
  150 0e 00 01 16 00 01 00 00 00 00 00 00 00 00 00 00
  160 10 00 01 00 00 00 00 00 00 00 00 00 08 00 08 00`);

/** virtio-net-pci on the root bus of pc-q35-6.0, read through ports on QEMU 10.0.13. */
export const virtioNetSpace = spaceOf(
  `
  000 f4 1a 00 10 00 00 10 00 00 00 00 02 00 00 00 00
  020 0c 00 00 00 00 00 00 00 00 00 00 00 f4 1a 01 00
  030 00 00 00 00 98 00 00 00 00 00 00 00 00 01 00 00
  040 09 00 10 01 04 00 00 00 00 00 00 00 00 10 00 00
  050 09 40 10 03 04 00 00 00 00 10 00 00 00 10 00 00
  060 09 50 10 04 04 00 00 00 00 20 00 00 00 10 00 00
  070 09 60 14 02 04 00 00 00 00 30 00 00 00 10 00 00
  080 04 00 00 00 09 70 14 05 00 00 00 00 00 00 00 00
  090 00 00 00 00 00 00 00 00 11 84 03 00 01 00 00 00
  0a0 01 08 00 00`,
  256,
);
