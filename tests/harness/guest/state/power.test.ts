import { expect } from 'chai';
import { powerRegisters, xicsStates } from '../../../../harness/guest/state/power.js';

/** As 7.2.22 prints them, shortened. */
const registers = `
CPU#0
NIP 0000000000000124   LR 000000000000011c CTR 0000000000000000 XER 0000000000000000 CPU#0
MSR 8000000000001000 HID0 0000000000000000  HF 6c000000 iidx 3 didx 3
TB 00000000 00000000 DECR 4294967295
GPR00 0000000000000001 0000000000000002 0000000000000003 000000000fe00000
GPR28 00000000deadbeef 0000000000000000 0000000000000000 0000000000000005
CR 20000000  [ E  -  -  -  -  -  -  -  ]             RES ffffffffffffffff
 SRR0 0000000000000000  SRR1 0000000000000000    PVR 00000000004e1200 VRSAVE 0000000000000000
`;

const interrupts = `CPU 0 XIRR=00001300 (0x55a0) PP=ff MFRR=ff
ICS 1000..1fff 0x555564546800
  1000 MSI ff 00
  1300 MSI 05 08
irqchip: emulated
`;

/**
 * 1. Every register has a name and its whole value; what time changes, and what is QEMU's own, is left out.
 * 2. XICS is read without QEMU's own addresses; what is no XICS has no state.
 */
describe('what the monitor tells of pseries', () => {
  it('registers of a CPU', () => {
    const found = new Map(powerRegisters(registers).map(({ name, value }) => [name, value]));
    expect(found.get('NIP')).to.equal('124');
    expect(found.get('MSR')).to.equal('8000000000001000');
    expect(['GPR00', 'GPR01', 'GPR03', 'GPR28', 'GPR31'].map((name) => found.get(name))).to.deep.equal([
      ...['1', '2', 'fe00000', 'deadbeef', '5'],
    ]);
    expect([found.get('CR'), found.get('PVR'), found.get('SRR1')]).to.deep.equal(['20000000', '4e1200', '0']);
    for (const name of ['TB', 'DECR', 'HF', 'RES']) expect(found.has(name), name).to.equal(false);
  });

  it('XICS', () => {
    expect(xicsStates(interrupts).map(({ device, readings }) => [device, readings])).to.deep.equal([
      [
        'XICS presenter of CPU 0',
        [
          { name: 'XIRR', offset: 0, value: '00001300' },
          { name: 'PP', offset: 0, value: 'ff' },
          { name: 'MFRR', offset: 0, value: 'ff' },
        ],
      ],
      [
        'XICS',
        [
          { name: 'Source 0x1000', offset: 0, value: 'MSI ff 00' },
          { name: 'Source 0x1300', offset: 0, value: 'MSI 05 08' },
        ],
      ],
    ]);
    expect(xicsStates('irqchip: emulated\n')).to.deep.equal([]);
  });
});
