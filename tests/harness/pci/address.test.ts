import { expect } from 'chai';
import fc from 'fast-check';
import { UsageError } from '../../../harness/core/errors.js';
import { devfn, formatAddress, parseAddress } from '../../../harness/pci/address.js';

/** 1. An address is written as lspci writes it, and read back. 2. What is none is refused with what is accepted. */
describe('a PCI address', () => {
  const address = fc.record({ bus: fc.nat(255), device: fc.nat(31), function: fc.nat(7) }, { noNullPrototype: true });

  it('is written as it can be read', () => {
    expect(formatAddress({ bus: 0, device: 0x12, function: 0 })).to.equal('00:12.0');
    fc.assert(
      fc.property(address, (one) => {
        expect(parseAddress(formatAddress(one))).to.deep.equal(one);
      }),
    );
  });

  it('has its device and function in one byte', () => {
    expect(devfn(parseAddress('05:1f.7'))).to.equal(0xff);
    expect(devfn(parseAddress('05:12.1'))).to.equal(0x91);
  });

  it('is nothing else', () => {
    for (const text of ['', '0:12.0', '00:12', '00:12.8', '00:20.0', '0000:00:12.0', '00:12.0 ', 'g0:12.0']) {
      expect(() => parseAddress(text), text)
        .to.throw(UsageError)
        .with.property('message', `'${text}' is no PCI address; accepted: bus:device.function as in 00:12.0`);
    }
  });
});
