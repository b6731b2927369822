import { expect } from 'chai';
import { resolveBuild } from '../../../harness/build/resolve.js';
import { splitWords } from '../../../harness/machine/words.js';
import { devicesOf } from '../../../harness/stream/capture.js';
import { orderViolations } from '../../../harness/stream/compare/order.js';
import { captured } from '../support/captured.js';
import { Launchpad } from '../support/launchpad.js';

const port = '-device pcie-root-port,id=port0,chassis=1 -device virtio-net-pci,bus=port0,romfile=';
const arm = `-cpu cortex-a57 ${port}`;
const x86 = `${port} -device e1000e,romfile= -device ich9-ahci -device nec-usb-xhci -device intel-hda -device virtio-scsi-pci -device intel-iommu`;
const pseries = '-device virtio-net-pci,romfile= -device e1000,romfile=';

/** Build, architecture, machine, devices, and how many loading rules it breaks. */
const machines: [build: string, arch: string, machineType: string, words: string, broken: number][] = [
  ['deb:bullseye', 'x86_64', 'pc-q35-5.2', x86, 1],
  ['deb:bookworm', 'x86_64', 'pc-q35-7.2', x86, 1],
  ['deb:trixie', 'x86_64', 'pc-q35-10.0', x86, 1],
  // 11.1.3 loads the local APIC before root ports, 10.0.13 does not yet.
  ['deb:sid', 'x86_64', 'pc-q35-11.1', x86, 0],
  ['deb:bullseye', 'aarch64', 'virt-5.2,gic-version=2', arm, 1],
  ['deb:bookworm', 'aarch64', 'virt-7.2,gic-version=3', arm, 0],
  ['deb:trixie', 'aarch64', 'virt-7.2,gic-version=2', arm, 1],
  ['deb:trixie', 'aarch64', 'virt-7.2,gic-version=3,iommu=smmuv3', arm, 0],
  ['deb:sid', 'aarch64', 'virt-11.1,gic-version=3', arm, 0],
  ['deb:bookworm', 'ppc64', 'pseries-7.2', pseries, 0],
  ['deb:trixie', 'ppc64', 'pseries-10.0', pseries, 0],
];

/** Live captures of every build and architecture, whose QEMUs are fetched for it: every device is described, and the order is as it should be. */
describe('live streams of all builds and architectures', function () {
  this.timeout(10 * 60_000);
  for (const [name, arch, machineType, words, broken] of machines) {
    it(`${machineType} of ${name}`, async () => {
      await using pad = new Launchpad();
      const build = await resolveBuild(name, { arch });
      const memoryMiB = arch === 'ppc64' ? 256 : 64;
      const capture = await captured(await pad.launch({ build, machineType, memoryMiB, words: splitWords(words) }));
      const states = devicesOf(capture);
      expect(states.filter(({ fields }) => !fields).map(({ section }) => section.name)).to.deep.equal([]);
      expect(orderViolations(capture)).to.have.length(broken);
    });
  }
});
