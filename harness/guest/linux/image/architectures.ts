import { UsageError } from '../../../core/errors.js';

/** What a Linux guest of one architecture has that others have elsewhere. */
export interface LinuxArchitecture {
  /** Word of the kernel's command line that puts its console on the machine's first serial port. */
  console: string;
  /** The device of the second serial port that Godwit gives a machine (`MachineSpec.serials`). */
  shellPort: string;
  /** Words that make this kernel boot quicker under TCG, which runs at the speed of ten years ago. */
  quickWords: readonly string[];
}

const architectures: Readonly<Record<string, LinuxArchitecture>> = {
  x86_64: {
    console: 'console=ttyS0',
    shellPort: '/dev/ttyS1',
    quickWords: ['tsc=reliable', 'mitigations=off', 'cryptomgr.notests', 'no_timer_check', 'nokaslr'],
  },
  // The first port is a PL011, the second a PCI device, and Linux numbers each kind by itself.
  aarch64: {
    console: 'console=ttyAMA0',
    shellPort: '/dev/ttyS0',
    quickWords: ['mitigations=off', 'cryptomgr.notests', 'nokaslr'],
  },
};

/** Facts of an architecture as in `qemu-system-ARCH`. Throws UsageError for one of which there is no Linux guest. */
export function linuxArchitecture(arch: string): LinuxArchitecture {
  const found = architectures[arch];
  if (found) return found;
  throw new UsageError(
    `no Linux guest is known for the architecture "${arch}": accepted are ${Object.keys(architectures).join(', ')}`,
  );
}
