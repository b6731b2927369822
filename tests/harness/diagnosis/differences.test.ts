import { expect } from 'chai';
import { explainDifference } from '../../../harness/diagnosis/differences.js';
import { rootPortSpace } from '../pci/spaces.js';

const of = { device: 'rp0', address: '00:12.0' };

function changed(changes: Record<number, number>): Uint8Array {
  const space = Uint8Array.from(rootPortSpace);
  for (const [offset, value] of Object.entries(changes)) space[Number(offset)] = value;
  return space;
}

// 1. One entry for a register, however many of its bytes differ, with the bits and both whole values.
// 2. A byte that no register covers, and spaces of different sizes, are compared too.
describe('explainDifference', () => {
  it('finds nothing between equal spaces', () => {
    expect(explainDifference(of, rootPortSpace, changed({}))).to.deep.equal([]);
  });

  it('names the register and its bits, with whole values', () => {
    expect(explainDifference(of, rootPortSpace, changed({ 0x6e: 0x18, 0x6f: 0x01 }))).to.deep.equal([
      {
        ...of,
        offset: 0x6e,
        register: 'Slot Status',
        bits: ['PDC', 'CC', 'PDS', 'DLLSC'],
        source: 0x40,
        destination: 0x118,
      },
    ]);
  });

  it('reads the highest bit of a register of four bytes as positive', () => {
    const [found] = explainDifference(of, rootPortSpace, changed({ 0x13: 0x80 }));
    expect(found).to.include({ register: 'Base Address Register 0', destination: 0x80000000 });
  });

  it('tells registers in the order of their offsets, and bytes that nothing covers', () => {
    const found = explainDifference(of, rootPortSpace, changed({ 0xf0: 1, 0x04: 7, 0x120: 9, 0x121: 9 }));
    expect(found.map(({ register, offset }) => [register, offset])).to.deep.equal([
      ['Command', 0x04],
      ['offset 0xf0', 0xf0],
      ['Header Log', 0x120],
      ['Header Log', 0x121],
    ]);
  });

  it('compares what both ways of reading reach', () => {
    expect(explainDifference(of, rootPortSpace, changed({ 0x120: 9 }).subarray(0, 256))).to.deep.equal([]);
  });
});
