import { expect } from 'chai';
import {
  cpuid,
  cpuRegisters,
  localApic,
  picParts,
  readInterruptControllers,
} from '../../../../harness/guest/state/monitor.js';
import type { Reading } from '../../../../harness/guest/state/part.js';
import { noUnhandledRejection } from '../../support/failure.js';
import { Launchpad } from '../../support/launchpad.js';

function valuesOf(readings: readonly Reading[]): Record<string, number | string> {
  return Object.fromEntries(readings.map(({ name, value }) => [name, value]));
}

// 1. Texts of 5.2 and of 11.1 give the same registers with the same values.
// 2. Segments are whole, and their descriptions are no registers.
// 3. The order of interrupt controllers does not matter, and lists of pins are values.
// 4. CPUID is the same whether or not a version counts the bits of its topology among the features.
// 5. A machine that dies before its CPUs are told ends nothing but what awaits it.
describe('the monitor in registers', () => {
  it('reads both ways of printing a CPU', () => {
    const old = 'EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0\r\nXMM00=00000000000000000000000000000001\r\n';
    const recent =
      'CPU#0\r\nEIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0\r\nXMM00=0000000000000000 0000000000000001\r\n';
    expect(valuesOf(cpuRegisters(recent))).to.deep.equal(valuesOf(cpuRegisters(old)));
    expect(valuesOf(cpuRegisters(old))).to.deep.equal({
      ...{ EIP: 'fff0', EFL: '2', CPL: '0', II: '0' },
      XMM00: '00000000000000000000000000000001',
    });
  });

  it('reads segments whole', () => {
    const text =
      'CS =0008 00000000 ffffffff 00cf9a00 DPL=0 CS32 [-R-]\r\nGDT=     000f6180 00000037\r\nFCW=037f FSW=0000 [ST=0]';
    expect(valuesOf(cpuRegisters(text))).to.deep.equal({
      ...{ CS: '8 0 ffffffff cf9a00', GDT: 'f6180 37', FCW: '37f', FSW: '0' },
    });
  });

  it('reads CPUID without the bits of topology', () => {
    const words = (edx: number, ecx: number): unknown => [
      { 'cpuid-register': 'EDX', 'cpuid-input-eax': 1, features: edx },
      { 'cpuid-register': 'ECX', 'cpuid-input-eax': 0x80000001, features: ecx },
      { 'cpuid-register': 'EBX', 'cpuid-input-eax': 7, 'cpuid-input-ecx': 0, features: 0x90000002 },
    ];
    const expected = { 'CPUID 0x1 EDX': 0x878bfbfd, 'CPUID 0x80000001 ECX': 5, 'CPUID 0x7.0 EBX': 0x90000002 };
    expect(valuesOf(cpuid(words(0x878bfbfd, 5)))).to.deep.equal(expected);
    expect(valuesOf(cpuid(words(0x978bfbfd, 7)))).to.deep.equal(expected);
  });

  it('reads a local APIC', () => {
    const text = [
      'dumping local APIC state for CPU 0 ',
      'LVT0\t 0x00010000 active-hi edge  masked                      Fixed  (vec 0)',
      'Timer\t DCR=0x0 (divide by 2) initial_count = 62 current_count = 7',
      'SPIV\t 0x000000ff APIC disabled, focus=off, spurious vec 255',
      'ICR\t 0x00000000 physical edge de-assert no-shorthand',
      'ISR\t (none)',
      'IRR\t 49 236(level) ',
      'APR 0x00 TPR 0x10 DFR 0x0f LDR 0x00 PPR 0x00',
    ].join('\n');
    expect(valuesOf(localApic(text))).to.deep.equal({
      ...{ LVT0: 0x10000, DCR: 0, initial_count: 62, current_count: 7, SPIV: 255, ICR: 0 },
      ...{ ISR: '(none)', IRR: '49 236(level)', APR: 0, TPR: 16, DFR: 15, LDR: 0, PPR: 0 },
    });
  });

  it('reads I/O APIC and PICs in either order', () => {
    const apic = [
      'ioapic0: ver=0x20 id=0x00 sel=0x12 (redir[1])',
      '  pin 0  0x0000000000010000 dest=0 vec=0   active-hi edge  masked fixed  physical',
      '  pin 10 0x000000000000a031 dest=0 vec=49  active-lo level        fixed  physical',
      '  IRR      2 10 ',
      '  Remote IRR (none)',
    ];
    const pic = ['pic0: irr=01 imr=ff isr=00 hprio=0 irq_base=08 rr_sel=0 elcr=00 fnm=0'];
    const parts = picParts([...apic, ...pic].join('\r\n'));
    expect(parts.map(({ device, readings }) => [device, valuesOf(readings)])).to.deep.equal([
      [
        'I/O APIC',
        {
          ...{ ver: '0x20', id: '0x00', sel: '0x12', IRR: '2 10', 'Remote IRR': '(none)' },
          ...{ 'Redirection entry 0': '0x0000000000010000', 'Redirection entry 10': '0x000000000000a031' },
        },
      ],
      ['PIC 0', { irr: '01', imr: 'ff', isr: '00', hprio: '0', irq_base: '08', rr_sel: '0', elcr: '00', fnm: '0' }],
    ]);
    expect(picParts([...pic, ...apic].join('\r\n'))).to.have.deep.members(parts);
  });

  it('a question that a dying machine leaves unanswered ends nothing', async () => {
    await using launchpad = new Launchpad();
    const machine = await launchpad.launch({ machineType: 'pc-q35-7.2' });
    await noUnhandledRejection(async () => {
      const untold = new Promise<never>(() => undefined);
      void readInterruptControllers(machine, { cpus: untold, ram: untold });
      await machine.kill();
    });
  });
});
