import { expect } from 'chai';
import { StateError } from '../../../harness/core/errors.js';
import { firstSerial } from '../../../harness/guest/first-serial.js';
import { Launchpad } from '../support/launchpad.js';

/** 1. A guest is spoken to on the first serial port.  2. A machine without one is told, and whose guest it was to have. */
describe('the first serial port', () => {
  it('is there, or is missed', async () => {
    await using pad = new Launchpad();
    const machine = await pad.launch({ serials: 2 });
    expect(firstSerial(machine, 'SLOF')).to.equal(machine.serials[0]);
    const without = await pad.launch();
    expect(() => firstSerial(without, 'SLOF')).to.throw(StateError, 'the m2 QEMU has no serial port for SLOF');
  });
});
