import { expect } from 'chai';
import { featuresOf } from '../../../harness/run/features.js';
import type { Scenario } from '../../../harness/scenario/definition.js';

const scenarioWith = (given: Partial<Scenario>): Scenario => ({
  ...{ title: 'some', file: '', machines: 'pc-q35-*', body: () => Promise.resolve() },
  ...given,
});
const featuresFor = (devices: string): string[] => featuresOf([scenarioWith({ devices })]);

/** 1. What a command line cannot do without, in any of its spellings.  2. Of every option, and of both sides.  3. What cannot be told is nothing. */
describe('the features that scenarios need', () => {
  it('reads them off the words', () => {
    expect(featuresFor('-device virtio-net-pci,netdev=n -netdev hubport,id=n,hubid=0')).to.deep.equal([]);
    expect(featuresFor('-netdev user,id=n')).to.deep.equal(['slirp']);
    expect(featuresFor('-netdev type=user,id=n -device qxl-vga')).to.deep.equal(['slirp', 'spice']);
    expect(featuresFor('-device driver=usb-host -vnc :1')).to.deep.equal(['libusb', 'vnc']);
    expect(featuresFor('-netdev tap,id=n,vhost=on')).to.deep.equal(['vhost-kernel', 'vhost-net']);
    expect(featuresFor('-drive user')).to.deep.equal([]);
  });

  it('reads every option and both sides, and outlives a scenario that wants to know more', () => {
    const options = { backend: ['hubport,id=n,hubid=0', 'user,id=n'] };
    const devices: Scenario['devices'] = (cell) => `-netdev ${cell.options['backend'] ?? ''}`;
    expect(featuresOf([scenarioWith({ options, devices })])).to.deep.equal(['slirp']);
    const destination: Scenario['destination'] = () => ({ devices: '-device tpm-tis' });
    expect(featuresOf([scenarioWith({ devices: '', destination })])).to.deep.equal(['tpm']);
    const devicesOfBuild: Scenario['devices'] = () => {
      throw new Error('which build?');
    };
    const wanting = scenarioWith({ devices: devicesOfBuild });
    expect(featuresOf([wanting, scenarioWith({ devices: '-netdev user' })])).to.deep.equal(['slirp']);
  });
});
