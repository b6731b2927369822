import { expect } from 'chai';
import { placeDevices } from '../../../harness/diagnosis/placed-devices.js';
import { Launchpad, suiteFor } from '../support/launchpad.js';
import { familyOf, usualMemoryMiB } from '../../../harness/machine/family.js';
import { listFunctions } from '../../../harness/guest/config-snapshot.js';
import { formatAddress } from '../../../harness/pci/address.js';

const places = (words: string[], machineType?: string): Record<string, string> =>
  Object.fromEntries([...placeDevices(words, machineType)].map(([place, { id, driver }]) => [place, id ?? driver]));

const devices = (...values: string[]): string[] => values.flatMap((value) => ['-device', value]);

// 1. Every way to write an address and a driver gives the place that the stream names.
// 2. Without an address, a device gets the slot that QEMU itself gives it.
describe('placeDevices', () => {
  it('reads slots, functions, JSON and drivers in any order', () => {
    const words = devices(
      'driver=pcie-root-port,id=a,addr=0x12,chassis=1',
      'pcie-root-port,id=b,addr=12.1,multifunction=on,bus=pcie.0,chassis=2',
      'e1000,id=c,bus=a',
      'addr=5,driver=e1000,id=d',
      '{"driver":"e1000","id":"e","addr":"0x1d.2"}',
      'usb-tablet,id=no-pci',
      'scsi-hd,id=elsewhere,bus=scsi0.0',
    );
    expect(places(words)).to.deep.equal({
      '00:12.0': 'a',
      '00:12.1': 'b',
      '00:12.0:00.0': 'c',
      '00:05.0': 'd',
      '00:1d.2': 'e',
    });
  });

  it('keeps the text of the -device as it was written', () => {
    const text = 'driver=e1000,addr=0x3,mac=52:54:00:00:00:01';
    expect(placeDevices(devices(text)).get('00:03.0')).to.deep.equal({ driver: 'e1000', text });
  });

  for (const machineType of ['pc-q35-7.2', 'pc-i440fx-7.2', 'virt-7.2', 'pseries-7.2']) {
    it(`gives slots as QEMU does on ${machineType}`, async () => {
      const bridge = /q35|virt/.test(machineType)
        ? 'pcie-root-port,id=bridge0,chassis=3'
        : 'pci-bridge,id=bridge0,chassis_nr=3';
      const words = devices(
        '{"driver":"e1000","id":"last","romfile":""}',
        'e1000,id=first,romfile=',
        'e1000,id=fixed,addr=4,romfile=',
        bridge,
        'e1000,id=second,romfile=',
        'e1000,id=third,romfile=',
        'e1000,id=fourth,romfile=',
      );
      await using pad = new Launchpad();
      const machine = await pad.launch({
        ...{ machineType, words, memoryMiB: usualMemoryMiB(machineType) },
        build: await suiteFor('bookworm', familyOf(machineType).architecture),
      });
      const listed = (await listFunctions(machine)).filter(({ id }) => id !== '');
      expect(places(words, machineType)).to.deep.equal(
        Object.fromEntries(listed.map(({ address, id }) => [formatAddress(address), id])),
      );
    });
  }
});
