import { expect } from 'chai';
import fc from 'fast-check';
import {
  bitsOf,
  capabilities,
  findCapability,
  headerRegisterAt,
  type Register,
  registerAt,
  SlotControl,
  SlotStatus,
  spaceWithCapability,
} from '../../../harness/pci/registers.js';
import { cxlLayouts } from '../../../harness/pci/tables/compute-express-link.js';
import { extendedCapabilityLayouts } from '../../../harness/pci/tables/extended.js';
import { capabilityLayouts } from '../../../harness/pci/tables/standard.js';
import { igbSpace, rootPortSpace, virtioNetSpace } from './spaces.js';

function fieldsOf(config: Uint8Array, register: Register): Record<string, number> {
  const view = new DataView(config.buffer, config.byteOffset);
  const value = register.width === 2 ? view.getUint16(register.offset, true) : view.getUint32(register.offset, true);
  return Object.fromEntries(register.bits.map((field) => [field.name, bitsOf(value, field)]));
}

function knownAt(config: Uint8Array, offset: number): Register {
  const register = registerAt(config, offset);
  if (!register) throw new Error(`no register at 0x${offset.toString(16)}`);
  return register;
}

// 1. Both capability lists of real devices, in their order, and never an endless walk of a broken one.
// 2. A byte leads to its register, wherever the capability sits.
// 3. The masks for guest code and the table of names say the same.
describe('registers', () => {
  it('lists the capabilities of a root port', () => {
    expect(capabilities(rootPortSpace).map(({ name, offset }) => [name, offset])).to.deep.equal([
      ['PCI Express', 0x54],
      ['MSI-X', 0x48],
      ['Subsystem ID and Subsystem Vendor ID', 0x40],
      ['Advanced Error Reporting', 0x100],
      ['Access Control Services', 0x148],
    ]);
    expect(findCapability(rootPortSpace, 0x10)?.offset).to.equal(0x54);
    expect(findCapability(rootPortSpace, 0x05)).to.equal(undefined);
  });

  it('lists five vendor-specific capabilities behind MSI-X in 256 bytes', () => {
    const names = capabilities(virtioNetSpace).map(({ name }) => name);
    expect(names).to.deep.equal(['MSI-X', ...Array.from({ length: 5 }, () => 'Vendor-Specific')]);
  });

  for (const [config, offset, name, start] of [
    [rootPortSpace, 0x02, 'Device ID', 0x02],
    [rootPortSpace, 0x19, 'Secondary Bus Number', 0x19],
    [virtioNetSpace, 0x19, 'Base Address Register 2', 0x18],
    [rootPortSpace, 0x34, 'Capabilities Pointer', 0x34],
    [rootPortSpace, 0x60, 'Link Capabilities', 0x60],
    [rootPortSpace, 0x68, 'Slot Capabilities', 0x68],
    [rootPortSpace, 0x6d, 'Slot Control', 0x6c],
    [rootPortSpace, 0x6e, 'Slot Status', 0x6e],
    [virtioNetSpace, 0x9a, 'MSI-X Message Control', 0x9a],
    [virtioNetSpace, 0x42, 'Vendor-Specific Capability Length', 0x42],
    [virtioNetSpace, 0x43, 'Vendor-Specific byte 0x3', 0x43],
    [rootPortSpace, 0x10a, 'Uncorrectable Error Mask', 0x108],
    [igbSpace, 0x155, 'ARI Capability', 0x154],
    [igbSpace, 0x150, 'ARI Extended Capability Header', 0x150],
    [igbSpace, 0x162, 'SR-IOV Extended Capability Header', 0x160],
    [igbSpace, 0x169, 'SR-IOV Control', 0x168],
    [igbSpace, 0x16c, 'InitialVFs', 0x16c],
    [igbSpace, 0x19b, 'VF Base Address Register 5', 0x198],
    [igbSpace, 0x5c, 'MSI Message Data', 0x5c],
    [igbSpace, 0x58, 'MSI Message Upper Address', 0x58],
  ] as const) {
    it(`names the byte at 0x${offset.toString(16)} ${name}`, () => {
      expect(registerAt(config, offset)).to.include({ name, offset: start });
    });
  }

  it('ends a capability where the next one begins', () => {
    const express = spaceWithCapability(0x10, 0x60);
    express[0x61] = 0x74;
    express[0x74] = 0x05;
    expect(registerAt(express, 0x73)?.name).to.equal('Link Status');
    expect(registerAt(express, 0x76)?.name).to.equal('MSI Message Control');
  });

  it('names a byte of a vendor only within the length that its header tells', () => {
    const vendors = spaceWithCapability(0x09, 0x80);
    vendors[0x82] = 0x10;
    expect(registerAt(vendors, 0x83)?.name).to.equal('Vendor-Specific byte 0x3');
    expect(registerAt(vendors, 0x8f)?.name).to.equal('Vendor-Specific byte 0xf');
    expect(registerAt(vendors, 0x90)).to.equal(undefined);
  });

  it('knows the vendor-specific capabilities of CXL, and no other vendor for them', () => {
    const space = Uint8Array.from(rootPortSpace);
    // The headers of cxl-rp's second capability on QEMU 10.0.13, at 0x100: CXL Extensions for Ports, 0x28 bytes.
    space.set([0x23, 0, 0x01, 0, 0x98, 0x1e, 0x80, 0x02, 0x03, 0], 0x100);
    expect(capabilities(space).find(({ offset }) => offset === 0x100)?.name).to.equal('CXL Extensions for Ports');
    expect(registerAt(space, 0x10d)).to.include({ name: 'Port Control Extensions', offset: 0x10c });
    expect(registerAt(space, 0x104)?.name).to.equal('Designated Vendor-Specific Header 1');
    space[0x104] = 0x99;
    expect(registerAt(space, 0x10d)?.name).to.equal('Designated Vendor-Specific Extended byte 0xd');
  });

  it('has no two bit fields and no two registers in one place', () => {
    for (const layouts of [capabilityLayouts, extendedCapabilityLayouts, cxlLayouts]) {
      for (const { name, registers } of Object.values(layouts)) {
        const ends = registers.map(({ offset, width }) => offset + width);
        registers.forEach(({ offset, width, bits, name: own }, index) => {
          expect(offset, `${name}: ${own}`).to.be.at.least(index === 0 ? 2 : (ends[index - 1] ?? 0));
          const fields = bits.map(({ shift, width: bitWidth }) => [shift, shift + bitWidth] as const);
          fields.forEach(([shift, end], at) => {
            expect(shift, `${own}: ${bits[at]?.name ?? ''}`).to.be.at.least(fields[at - 1]?.[1] ?? 0);
            expect(end, `${own}: ${bits[at]?.name ?? ''}`).to.be.at.most(8 * width);
          });
        });
      }
    }
  });

  it('knows nothing where no capability is', () => {
    expect(registerAt(rootPortSpace, 0xf0)).to.equal(undefined);
    expect(registerAt(virtioNetSpace, 0xf0)).to.equal(undefined);
  });

  it('reads the fields of a real slot', () => {
    expect(fieldsOf(rootPortSpace, knownAt(rootPortSpace, 0x6e))).to.include({ PDS: 1, PDC: 0, MRLSS: 0 });
    expect(fieldsOf(rootPortSpace, knownAt(rootPortSpace, 0x6c))).to.include({ PCC: 1, PIC: 3, AIC: 3, HPIE: 0 });
    expect(fieldsOf(rootPortSpace, knownAt(rootPortSpace, 0x68))).to.include({
      HPC: 1,
      HPS: 1,
      'Physical Slot Number': 0,
    });
  });

  it('has the same bits in the masks as in the tables', () => {
    const masks = (offset: number): Record<string, number> =>
      Object.fromEntries(
        knownAt(rootPortSpace, offset).bits.map(({ name, shift, width }) => [name, (2 ** width - 1) << shift]),
      );
    expect(masks(0x6c)).to.include(SlotControl);
    expect(masks(0x6e)).to.deep.equal({ ...SlotStatus });
  });

  it('names of a header of unknown type only what both types have', () => {
    expect(headerRegisterAt(0x06)?.name).to.equal('Status');
    expect(headerRegisterAt(0x19)).to.equal(undefined);
  });

  it('ends on any bytes, and names no register that does not cover the byte', () => {
    const bytes = fc.uint8Array({ minLength: 256, maxLength: 4096, size: 'max' });
    fc.assert(
      fc.property(bytes, fc.nat(4095), (config, at) => {
        const offset = at % config.length;
        expect(capabilities(config).length).to.be.at.most(48 + 960);
        const register = registerAt(config, offset);
        if (register) expect(offset).to.be.within(register.offset, register.offset + register.width - 1);
      }),
    );
  });
});
