import { expect } from 'chai';
import { ActionLog } from '../../../harness/scenario/actions.js';
import type { Journey } from '../../../harness/scenario/definition.js';
import type { GuestKind } from '../../../harness/scenario/guests.js';

class Slot {
  readonly done: string[] = [];
  async powerOff(): Promise<void> {
    this.done.push(`${this.name()} off`);
    await Promise.resolve();
  }
  name(): string {
    return 'slot';
  }
}

class Guest {
  readonly ports = new Slot();
  readonly bytes = new Uint8Array(2);
  slot(id: string): Promise<Slot> {
    this.ports.done.push(id);
    return Promise.resolve(this.ports);
  }
}

/** A journey of plain parts: what the log needs of one. */
function stage(guest: Guest): Journey<GuestKind> {
  const parts = { guest, machine: {}, options: { a: 'b' }, migrate: () => Promise.resolve('an outcome') };
  return parts as unknown as Journey<GuestKind>;
}

/** 1. Calls of the guest and of what it gives are told in order, with their arguments.  2. What is left out is not done.  3. Migrations always are.  4. Who is missing does nothing. */
describe('the log of what a body asks for', () => {
  it('tells each call once, and not those that an actor makes of itself', async () => {
    const guest = new Guest();
    const log = new ActionLog();
    const journey = log.journey(stage(guest));
    const { migrate } = journey;
    const acting = journey.guest as unknown as Guest;
    const slot = await acting.slot('port0');
    await slot.powerOff();
    await acting.ports.powerOff();
    await migrate({ capabilities: { multifd: true } });
    expect(log.taken).to.deep.equal([
      { on: 'guest', method: 'slot', args: ['port0'], gives: 'slot1' },
      { on: 'slot1', method: 'powerOff', args: [] },
      { on: 'slot1', method: 'powerOff', args: [] },
      { on: '', method: 'migrate', args: [{ capabilities: { multifd: true } }] },
    ]);
    expect(guest.ports.done).to.deep.equal(['port0', 'slot off', 'slot off']);
    expect(acting.bytes).to.equal(guest.bytes);
  });

  it('leaves out what it is told to, but no migration', async () => {
    const guest = new Guest();
    const log = new ActionLog([1, 2]);
    const journey = log.journey(stage(guest));
    const slot = await (journey.guest as unknown as Guest).slot('port0');
    await slot.powerOff();
    expect(await journey.migrate()).to.equal('an outcome');
    expect(guest.ports.done).to.deep.equal(['port0']);
    expect(log.taken.map(({ omitted }) => omitted)).to.deep.equal([undefined, true, undefined]);
  });

  it('leaves out with an action whatever is asked of what it would have given', async () => {
    const guest = new Guest();
    const log = new ActionLog([0]);
    const acting = log.journey(stage(guest)).guest as unknown as Guest;
    const missing = await acting.slot('port0');
    await missing.powerOff();
    await (await acting.slot('port1')).powerOff();
    expect(guest.ports.done).to.deep.equal(['port1', 'slot off']);
    expect(log.taken).to.deep.equal([
      { on: 'guest', method: 'slot', args: ['port0'], omitted: true, gives: 'slot1' },
      { on: 'slot1', method: 'powerOff', args: [], omitted: true },
      { on: 'guest', method: 'slot', args: ['port1'], gives: 'slot2' },
      { on: 'slot2', method: 'powerOff', args: [] },
    ]);
  });
});
