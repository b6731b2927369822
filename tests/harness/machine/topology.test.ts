import { expect } from 'chai';
import { UsageError } from '../../../harness/core/errors.js';
import { devicesOf } from '../../../harness/machine/device-line.js';
import { familyOf } from '../../../harness/machine/family.js';
import { topology, topologyNames } from '../../../harness/machine/topology.js';

/** 1. Every topology of the house reads. 2. A wrong name is answered with the right ones. 3. Machine types have their family. */
describe('topologies and families', () => {
  it('read, every one of them', () => {
    expect(topologyNames()).to.include('root-port-off-function-0');
    expect([...topologyNames()].sort()).to.deep.equal(topologyNames());
    for (const name of topologyNames()) {
      const words = topology(name);
      expect(words, name).to.have.length.above(1);
      expect(words.join(' '), name).to.not.match(/[#{}\\]/);
    }
  });

  it('say what a bug report says', () => {
    const devices = devicesOf(topology('root-port-off-function-0'));
    expect(devices.map(({ id }) => id)).to.deep.equal(['pcie-root-port18', 'nex-usb-xhci0']);
    expect(devices[1]?.properties.get('addr')).to.equal('0x12.0x1');
  });

  it('are listed for who names another', () => {
    for (const name of ['nowhere', '../pc-q35', '']) {
      expect(() => topology(name), name).to.throw(UsageError, `there is no topology '${name}'; there are: `);
    }
  });

  it('find the family of a machine type', () => {
    for (const type of ['q35', 'pc-q35-6.0', 'pc-q35-6.0,smm=off', 'q35,smm=off']) {
      expect(familyOf(type), type).to.include({ family: 'pc-q35', rootBus: 'pcie.0' });
    }
    expect(familyOf('pc')).to.include({ family: 'pc-i440fx' });
    expect(familyOf('pc-i440fx-7.2')).to.include({ family: 'pc-i440fx', rootBus: 'pci.0' });
    expect(familyOf('virt-7.2')).to.include({ family: 'virt', architecture: 'aarch64' });
    expect(familyOf('pseries-5.2')).to.include({ family: 'pseries', architecture: 'ppc64' });
    for (const type of ['pc-q35x', 'isapc', '']) {
      expect(() => familyOf(type), type).to.throw(UsageError, /knows no machine family of .*; it knows: .*pc-q35/);
    }
  });
});
