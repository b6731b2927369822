import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { after, before } from 'mocha';
import { splitWords } from '../../../../harness/machine/words.js';
import { loadOrder, orderViolations } from '../../../../harness/stream/compare/order.js';
import { showOrder } from '../../../../harness/stream/show/show-order.js';
import { captureFile } from '../../support/captured.js';
import { edited, readBytes } from '../../support/edited.js';
import { Launchpad } from '../../support/launchpad.js';

const words = splitWords(
  [
    '-device intel-iommu',
    '-device pcie-root-port,id=port18,chassis=1,addr=0x12',
    '-device e1000e,id=nic0,bus=port18,romfile=',
    '-device e1000,id=nic1,romfile=',
  ].join(' '),
);
const port = '0000:00:12.0/pcie-root-port';
const behind = '0000:00:12.0:00.0/e1000e';

/**
 * A real capture with an IOMMU, a bridge, and a device behind it:
 * 1. The order is that of the sections.
 * 2. QEMU 10.0 loads a root port before the local APIC, which the rule finds; with the APIC in front, no rule is broken.
 * 3. Sections that are put into another order break each rule they should, and no other.
 */
describe('load order', () => {
  let pad: Launchpad;
  let bytes: Buffer;
  before(async () => {
    pad = new Launchpad();
    bytes = readFileSync(await captureFile(await pad.launch({ build: 'trixie', machineType: 'pc-q35-7.2', words })));
  });
  after(() => pad[Symbol.asyncDispose]());

  /** The rules that are broken once the local APIC is in front, as it should be, and these sections are moved. */
  const broken = (...moves: [move: string, before: string][]): string[] => {
    const edits = [['apic', port] as const, ...moves].map(([move, to]) => ({ move, before: to }));
    const streams = edits.reduce((stream, edit) => edited(stream, [edit]), bytes);
    return orderViolations(readBytes(streams)).map(
      ({ rule, early, late }) => `${rule.name}: ${early.name}, ${late.name}`,
    );
  };

  it('is that of the sections', () => {
    const names = loadOrder(readBytes(bytes)).map(({ name }) => name);
    expect(names).to.include.members([port, behind, 'iommu-intel', 'apic']).and.not.include('ram');
    expect(names.indexOf('iommu-intel')).to.be.below(names.indexOf(behind));
  });

  it('finds the root port that comes before the interrupt controller', () => {
    const found = orderViolations(readBytes(bytes));
    expect(found.map(({ rule }) => rule.name)).to.deep.equal(['interrupt controller before PCI config space']);
    expect(found[0]).to.deep.include({ early: loadOrder(readBytes(bytes)).find(({ name }) => name === port) });
    expect(found[0]?.late.name).to.equal('apic');
    expect([...showOrder(readBytes(bytes), found)].filter((line) => line.startsWith('BROKEN'))).to.have.length(1);
    expect(broken()).to.deep.equal([]);
  });

  it('finds what was reordered', () => {
    expect(broken([behind, 'apic'])).to.deep.equal([
      `interrupt controller before PCI config space: ${behind}, apic`,
      `IOMMU before PCI devices: ${behind}, iommu-intel`,
      `PCI bridge before what is behind it: ${behind}, ${port}`,
    ]);
    expect(broken(['iommu-intel', port])).to.deep.equal([`PCI bridges before the IOMMU: iommu-intel, ${port}`]);
  });
});
