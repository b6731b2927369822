import { expect } from 'chai';
import { memoryBase } from '../../../harness/pci/base-address.js';

function spaceWith(command: number, low: number, high = 0): Uint8Array {
  const view = new DataView(new ArrayBuffer(256));
  view.setUint16(0x04, command, true);
  view.setUint32(0x10, low, true);
  view.setUint32(0x14, high, true);
  return new Uint8Array(view.buffer);
}

// 1. A memory BAR decodes what stands in it, in 32 or 64 bits; one of ports, one without an address, one switched off decode nothing.
describe('memoryBase', () => {
  it('reads 32 and 64 bits', () => {
    expect(memoryBase(spaceWith(0x2, 0xfe000000), 0)).to.equal(0xfe000000);
    expect(memoryBase(spaceWith(0x2, 0xfe000008, 7), 0)).to.equal(0xfe000000);
    expect(memoryBase(spaceWith(0x2, 0xc000000c, 0x80), 0)).to.equal(0x80c0000000);
  });

  it('knows what decodes nothing', () => {
    expect(memoryBase(spaceWith(0x5, 0xfe000000), 0)).to.equal(undefined);
    expect(memoryBase(spaceWith(0x2, 0xc001), 0)).to.equal(undefined);
    expect(memoryBase(spaceWith(0x2, 0x0000000c), 0)).to.equal(undefined);
  });
});
