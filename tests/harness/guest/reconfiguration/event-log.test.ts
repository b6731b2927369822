import { expect } from 'chai';
import fc from 'fast-check';
import { describeEvent, readHotplugRequest } from '../../../../harness/guest/reconfiguration/event-log.js';

/** What 7.2.22 left after `device_add` of a device at 00:05.0. */
const added = Buffer.from(
  '063460e50000006c86008e00000000000000000049424d005048003000000000202611211720090000000000000000004800000300000000' +
    '0000000000000000000000000000000055480018000000008000000000000000000000000000000048500014010000000501020040000028' +
    '00000000',
  'hex',
);
/** Where the hot-plug section has its name, its action, its way to name connectors, and its type. */
const at = { section: 96, type: 104, action: 105, identifier: 106 };

function changed(offset: number, value: number): Buffer {
  const copy = Buffer.from(added);
  copy[offset] = value;
  return copy;
}

/**
 * 1. What is asked about a PCI connector is read from a log of QEMU, with or without the rest of a buffer behind it.
 * 2. Events of other kinds, and requests about anything else, ask nothing of a connector; they are named.
 * 3. A log that is cut off, or any other bytes, are no request and no error.
 */
describe('RTAS event logs', () => {
  it('ask to add or to remove', () => {
    expect(readHotplugRequest(added)).to.deep.equal({ action: 'add', index: 0x40000028 });
    expect(readHotplugRequest(changed(at.action, 2))).to.deep.equal({ action: 'remove', index: 0x40000028 });
    expect(readHotplugRequest(Buffer.concat([added, Buffer.alloc(500, 0xff)]))?.index).to.equal(0x40000028);
    expect(describeEvent(added)).to.equal('add 0x40000028');
  });

  it('may be about something else', () => {
    for (const [offset, value] of [
      [3, 0x40],
      [at.section, 0x49],
      [at.type, 2],
      [at.action, 3],
      [at.identifier, 3],
    ] as const) {
      expect(readHotplugRequest(changed(offset, value)), `byte ${offset}`).to.equal(undefined);
    }
    expect(describeEvent(changed(3, 0x40))).to.equal('an event of type 0x40');
  });

  it('may be cut off, or be anything', () => {
    for (let length = 0; length < added.length - 4; length += 1) {
      expect(readHotplugRequest(added.subarray(0, length)), `${length} bytes`).to.equal(undefined);
    }
    const shorter = Buffer.from(added);
    shorter.writeUInt32BE(0x50, 4);
    expect(readHotplugRequest(shorter), 'a log that ends before the section').to.equal(undefined);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const log = Buffer.concat([Buffer.from([0, 0, 0, 0xe5]), bytes]);
        describeEvent(log);
      }),
    );
  });
});
