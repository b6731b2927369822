import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type Capture, devicesOf, sectionsOf } from '../../../harness/stream/capture.js';
import { configSpaceOf, registerValues } from '../../../harness/stream/state/config-space.js';
import { loadOrder, orderViolations } from '../../../harness/stream/compare/order.js';
import { edited, readBytes } from '../support/edited.js';

/** A stream of a real machine, of which the RAM was left out; architectures.slow.ts makes such streams anew. */
function capture(name: string): { bytes: Buffer; capture: Capture } {
  const bytes = gunzipSync(readFileSync(new URL(`captures/${name}.mig.gz`, import.meta.url)));
  return { bytes, capture: readBytes(bytes) };
}

/**
 * Streams of aarch64 and ppc64, captured from QEMU 10.0.13 and 7.2.22:
 * 1. Every section is described to the byte, subsections of the configuration are read, and iterable sections of pseries.
 * 2. GICv3 and ITS come before PCI devices; a GICv2 comes after a root port, which breaks the rule, and so does a GICv3 that was moved.
 * 3. PCI devices are known by the paths of pseries too.
 */
describe('streams of other architectures', () => {
  for (const name of ['virt-7.2-gicv3-smmuv3', 'virt-7.2-gicv2', 'pseries-7.2']) {
    it(`describes every device of ${name}`, () => {
      const { capture: read } = capture(name);
      expect(read.configuration).to.deep.include({ machineType: name.split('-', 2).join('-'), pageBytes: 4096 });
      const states = devicesOf(read);
      expect(states).to.have.length.above(10);
      expect(states.filter(({ fields }) => !fields).map(({ section }) => section.name)).to.deep.equal([]);
      expect(states.filter(({ fields = [], body }) => configSpaceOf(fields, body))).to.not.deep.equal([]);
    });
  }

  it('reads the hash table of pseries', () => {
    const names = sectionsOf(capture('pseries-7.2').capture).map(({ section }) => `${section.type} ${section.name}`);
    expect(names.slice(0, 3)).to.deep.equal(['start spapr/htab', 'part spapr/htab', 'end spapr/htab']);
  });

  it('knows PCI devices by the paths of pseries', () => {
    const { bytes, capture: read } = capture('pseries-7.2');
    const network = devicesOf(read).find(({ section }) => section.name.endsWith('/virtio-net'));
    const space = configSpaceOf(network?.fields ?? [], network?.body ?? Buffer.alloc(0));
    expect(registerValues(space?.config ?? Buffer.alloc(0))[0]).to.deep.include({ name: 'Vendor ID', value: '0x1af4' });
    expect(orderViolations(read)).to.deep.equal([]);
    const late = orderViolations(readBytes(edited(bytes, [{ move: network?.section.name ?? '', before: 'ics' }])));
    expect(late.map(({ rule, early, late: before }) => [rule.name, early.name, before.name])).to.deep.equal([
      ['interrupt controller before PCI config space', network?.section.name, 'ics'],
      ['IOMMU before PCI devices', network?.section.name, 'spapr_iommu'],
    ]);
  });

  it('finds the GICv2 behind a root port, and the GICv3 in front', () => {
    expect(orderViolations(capture('virt-7.2-gicv3-smmuv3').capture)).to.deep.equal([]);
    const found = orderViolations(capture('virt-7.2-gicv2').capture);
    expect(found.map(({ early, late }) => [early.name, late.name])).to.deep.equal([
      ['0000:00:01.0/pcie-root-port', 'arm_gic'],
    ]);
  });

  it('finds an ITS in front of its GICv3, and a device in front of both', () => {
    const { bytes, capture: read } = capture('virt-7.2-gicv3-smmuv3');
    const names = loadOrder(read).map(({ name }) => name);
    expect(names.indexOf('arm_gicv3_its')).to.equal(names.indexOf('arm_gicv3') + 1);
    const swapped = orderViolations(readBytes(edited(bytes, [{ move: 'arm_gicv3_its', before: 'arm_gicv3' }])));
    expect(swapped.map(({ rule }) => rule.name)).to.deep.equal(['GICv3 before its ITS']);
    const early = orderViolations(readBytes(edited(bytes, [{ move: '0000:00:02.0/e1000e', before: 'arm_gicv3' }])));
    expect(early.map(({ rule, early: { name } }) => `${rule.name}: ${name}`)).to.deep.equal([
      'interrupt controller before PCI config space: 0000:00:02.0/e1000e',
      'IOMMU before PCI devices: 0000:00:02.0/e1000e',
    ]);
  });
});
