import { expect } from 'chai';
import fc from 'fast-check';
import { UsageError } from '../../../harness/core/errors.js';
import {
  deviceAddArguments,
  type DeviceLine,
  devicesOf,
  formatDeviceLine,
  parseDeviceLine,
  withoutDevice,
} from '../../../harness/machine/device-line.js';

/**
 * 1. Both of QEMU's syntaxes are read, with its doubled commas, and written back.
 * 2. `device_add` gets numbers and booleans where the device wants them, and never another value than was written.
 */
describe('a device line', () => {
  const nic = {
    driver: 'virtio-net-pci',
    id: 'n0',
    bus: 'pcie.0',
    properties: new Map([
      ['id', 'n0'],
      ['bus', 'pcie.0'],
      ['vectors', '4'],
    ]),
  };

  it('is read in either syntax', () => {
    for (const text of [
      'virtio-net-pci,id=n0,bus=pcie.0,vectors=4',
      ' driver=virtio-net-pci,id=n0,bus=pcie.0,vectors=4\n',
      '-device virtio-net-pci,id=n0,bus=pcie.0,vectors=4',
      "-device 'virtio-net-pci,id=n0,bus=pcie.0,vectors=4'",
      '{"driver":"virtio-net-pci","id":"n0","bus":"pcie.0","vectors":4}',
      `-device '{"driver":"virtio-net-pci","id":"n0","bus":"pcie.0","vectors":4}'`,
    ]) {
      expect(parseDeviceLine(text), text).to.deep.equal(nic);
    }
  });

  it('has commas in its values, switches without one, and values that are empty', () => {
    const { properties } = parseDeviceLine('x,file=a,,b,c=d,,,e=f,,,,g,on1,romfile=,eq=a=b');
    expect([...properties]).to.deep.equal([
      ['file', 'a,b'],
      ['c', 'd,'],
      ['e', 'f,,g'],
      ['on1', 'on'],
      ['romfile', ''],
      ['eq', 'a=b'],
    ]);
  });

  it('is written as it can be read', () => {
    const key = fc.stringMatching(/^[a-z][a-z0-9_.-]{0,8}$/).filter((name) => name !== 'driver');
    const value = fc.string({ unit: fc.constantFrom(',', '=', 'a', ' ', '"', '{', '🐦'), maxLength: 8 });
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value)), (pairs) => {
        const properties = new Map(pairs);
        const [id, bus] = [properties.get('id'), properties.get('bus')];
        const device: DeviceLine = {
          driver: 'e1000',
          ...(id !== undefined && { id }),
          ...(bus !== undefined && { bus }),
          properties,
        };
        const read = parseDeviceLine(`${formatDeviceLine(device)},end=x`);
        expect([...read.properties]).to.deep.equal([...properties, ['end', 'x']]);
        expect(read).to.include({ driver: 'e1000' });
      }),
    );
  });

  it('names what it cannot read', () => {
    for (const text of ['', 'id=n0,bus=pcie.0', '-device', '{"id":"n0"}']) {
      expect(() => parseDeviceLine(text), text).to.throw(UsageError, `'${text}' names no driver`);
    }
    expect(() => parseDeviceLine('{"driver":')).to.throw(UsageError, /is no device/);
  });

  it('becomes arguments of the right types', () => {
    const types = new Map([
      ['vectors', 'uint32'],
      ['wwn', 'uint64'],
      ['bootindex', 'int32'],
      ['addr', 'int32'],
      ['size', 'size'],
      ['mac', 'str'],
      ['serial', 'str'],
      ['ats', 'bool'],
      ['aer', 'bool'],
      ['disable-legacy', 'OnOffAuto'],
    ]);
    const line =
      'x,id=7,vectors=4,wwn=0x5000c50015ea71ad,bootindex=-1,addr=0x10,size=4G,mac=1,serial=0x2,ats=on,aer=no,disable-legacy=on';
    expect(deviceAddArguments(parseDeviceLine(line), types)).to.deep.equal({
      driver: 'x',
      id: '7',
      vectors: 4,
      // A JSON number would lose its last digits.
      wwn: '0x5000c50015ea71ad',
      bootindex: -1,
      addr: 16,
      size: '4G',
      mac: '1',
      serial: '0x2',
      ats: true,
      aer: false,
      'disable-legacy': 'on',
    });
  });

  it('keeps the value of every number that it makes one', () => {
    const types = new Map([['n', 'int64']]);
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), fc.boolean(), (value, hex) => {
        const magnitude = value < 0n ? -value : value;
        const text = `${value < 0n ? '-' : ''}${hex ? `0x${magnitude.toString(16)}` : magnitude.toString()}`;
        const { n } = deviceAddArguments(parseDeviceLine(`x,n=${text}`), types);
        if (typeof n === 'number') expect(BigInt(n)).to.equal(value);
        else expect(n).to.equal(text);
        expect(typeof n).to.equal(magnitude < 2n ** 53n ? 'number' : 'string');
      }),
    );
    for (const text of ['010', '1e3', '', '0x', '1k']) {
      expect(deviceAddArguments(parseDeviceLine(`x,n=${text}`), types)).to.deep.include({ n: text });
    }
  });

  it('is found among words, and taken out by its id', () => {
    const words = ['-device', 'a,id=one', '-netdev', 'user,id=two', '-device', 'b,id=two', '-S'];
    expect(devicesOf(words).map(({ driver }) => driver)).to.deep.equal(['a', 'b']);
    expect(withoutDevice(words, 'two')).to.deep.equal(['-device', 'a,id=one', '-netdev', 'user,id=two', '-S']);
    expect(() => withoutDevice(words, 'three')).to.throw(
      UsageError,
      "no -device of the command line has the id 'three'",
    );
  });
});
