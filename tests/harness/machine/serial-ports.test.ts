import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { acceleratorGuest, sign } from '../../../harness/build/probe/accelerator-guest.js';
import { completedMigration } from '../../../harness/migration/completed.js';
import { failure } from '../support/failure.js';
import { captureFile } from '../support/captured.js';
import { Launchpad } from '../support/launchpad.js';

/**
 * 1. Godwit holds the other end of every serial port that a spec asks for, in their order, from the start on.
 * 2. The command line to paste has them too.
 * 3. A machine comes up from a saved stream that it inherits as a file.
 */
describe('serial ports and inherited files', () => {
  let pad: Launchpad;
  beforeEach(() => (pad = new Launchpad()));
  afterEach(() => pad[Symbol.asyncDispose]());

  function rom(): string {
    const path = join(pad.folder, 'guest.rom');
    writeFileSync(path, acceleratorGuest());
    return path;
  }

  it('hears what the guest says on its first port', async () => {
    const machine = await pad.launch({ machineType: 'pc-q35-7.2', words: ['-bios', rom()], serials: 2 });
    expect(machine.serials).to.have.length(2);
    const heard = once(machine.serials[0] ?? process.stdin, 'data');
    await machine.qmp.execute('cont');
    const [bytes] = (await heard) as [Buffer];
    expect(bytes.toString('latin1')).to.equal(sign);
    expect(machine.printable.match(/-serial/g)).to.have.length(2);
  });

  it('has none where nothing is said', async () => {
    const machine = await pad.launch();
    expect(machine.serials).to.deep.equal([]);
    expect(machine.printable).to.not.include('-serial');
  });

  for (const build of ['bookworm', 'trixie'] as const) {
    it(`comes up from a saved stream on ${build}`, async () => {
      const spec = { build, machineType: 'pc-q35-7.2', words: ['-bios', rom()], serials: 1 };
      const source = await pad.launch(spec);
      await source.qtest.writeMemory(0x100000, 4, 0x60d917);
      const saved = await captureFile(source);
      const machine = await pad.launch({ ...spec, incoming: true, inherits: saved });
      const arrived = completedMigration(machine, 'the end of the migration from a file', machine.options.deadline);
      await machine.qmp.execute('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] });
      await machine.qmp.execute('migrate-incoming', { uri: 'fd:3' });
      await arrived;
      expect(await machine.qtest.readMemory(0x100000, 4)).to.equal(0x60d917);
    });
  }

  it('says that a file to inherit is not there', async () => {
    const thrown = await failure(pad.launch({ inherits: join(pad.folder, 'none') }));
    expect(thrown.message).to.include('none');
  });
});
