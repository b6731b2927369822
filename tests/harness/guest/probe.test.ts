import { expect } from 'chai';
import { Deadline } from '../../../harness/core/deadline.js';
import { stagedDevice } from '../../../harness/diagnosis/staged-device.js';
import { probeConfigSpace, shapingWords } from '../../../harness/guest/probe.js';
import { registerAt } from '../../../harness/pci/registers.js';
import { suite } from '../support/launchpad.js';

// 1. Of a command line, only what shapes configuration space is started, with stand-ins for what is of another host.
// 2. A device that a section names is found where the section says, behind a bridge too.
describe('probe', () => {
  it('keeps devices and globals, and replaces backends', () => {
    const words = [
      '-m',
      '4G',
      '-netdev',
      'tap,id=n0',
      '-blockdev',
      '{"driver":"file","node-name":"d0","filename":"/x"}',
    ];
    const devices = [
      '-device',
      'e1000,netdev=n0',
      '-global',
      'e1000.romfile=',
      '-object',
      'secret,id=s',
      '--device',
      'edu',
      '-device',
      'vfio-pci,host=3b:00.4,addr=4.0,id=hostdev0',
    ];
    expect(shapingWords([...words, ...devices, '-cpu', 'host'])).to.deep.equal([
      ...['-netdev', 'hubport,id=n0,hubid=0', '-blockdev', 'driver=null-co,node-name=d0,read-zeroes=on'],
      ...['-device', 'e1000,netdev=n0', '-global', 'e1000.romfile=', '-device', 'edu'],
      ...['-device', 'pci-testdev,id=hostdev0,addr=4.0'],
    ]);
  });

  it('stages the device of a section behind a root port', async () => {
    const [staged] = stagedDevice('0000:00:12.0:00.0/e1000e');
    const snapshot = await probeConfigSpace({
      build: await suite('bookworm'),
      machineType: 'pc-q35-7.2',
      words: staged?.words ?? [],
      deadline: Deadline.after(20_000),
    });
    expect(registerAt(snapshot.get('00:12.0')?.config ?? new Uint8Array(256), 0x6e)?.name).to.equal('Slot Status');
    const config = snapshot.get('01:00.0')?.config ?? new Uint8Array(256);
    expect([config[0], config[1]]).to.deep.equal([0x86, 0x80]);
    expect(config.length).to.equal(4096);
  });

  it('has nothing to stage for a device of the host, or without a place', () => {
    expect(stagedDevice('0000:00:04.0/vfio')).to.deep.equal([]);
    expect(stagedDevice('hpet')).to.deep.equal([]);
  });
});
