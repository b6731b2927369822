import { statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Deadline } from '../../../harness/core/deadline.js';
import { WaitImpossibleError } from '../../../harness/core/errors.js';
import { restoreMachine, saveMachine } from '../../../harness/migration/save.js';
import { failure } from '../support/failure.js';
import { Launchpad } from '../support/launchpad.js';

const deadline = (): Deadline => Deadline.after(20_000);

/** 1. A machine comes up from its saved state, on either build. 2. One that cannot be saved, or loaded, says so, and at once. */
describe('saving a machine', () => {
  let pad: Launchpad;
  beforeEach(() => (pad = new Launchpad()));
  afterEach(() => pad[Symbol.asyncDispose]());

  for (const build of ['bookworm', 'trixie'] as const) {
    it(`brings back what it was on ${build}`, async () => {
      const spec = { build, machineType: 'pc-q35-7.2' };
      const path = join(pad.folder, 'saved');
      const machine = await pad.launch(spec);
      await machine.qtest.writeMemory(0x200000, 4, 0x600d);
      await saveMachine(machine, path, deadline());
      expect(statSync(path).mode & 0o777).to.equal(0o600);
      const restored = await pad.launch({ ...spec, incoming: true, inherits: path });
      await restoreMachine(restored, deadline());
      expect(await restored.qtest.readMemory(0x200000, 4)).to.equal(0x600d);
    });
  }

  it('says that a file was cut short', async () => {
    const path = join(pad.folder, 'saved');
    await saveMachine(await pad.launch({ machineType: 'pc-q35-7.2' }), path, deadline());
    truncateSync(path, 5000);
    const restored = await pad.launch({ machineType: 'pc-q35-7.2', incoming: true, inherits: path });
    const thrown = await failure(restoreMachine(restored, deadline()));
    expect(thrown.message).to.match(/it failed|exited with status 1/);
  });

  it('says that a machine cannot be saved', async () => {
    const words = ['-object', 'memory-backend-ram,id=m,size=1M', '-device', 'ivshmem-plain,memdev=m,master=off'];
    const machine = await pad.launch({ machineType: 'pc-q35-7.2', words });
    const thrown = await failure(saveMachine(machine, join(pad.folder, 'saved'), deadline()));
    expect(thrown).to.not.be.instanceOf(WaitImpossibleError);
    expect(thrown.message).to.match(/[Mm]igration is disabled|disabled when VM is|ivshmem/);
  });
});
