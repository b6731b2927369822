import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import tmp from 'tmp';
import { Deadline } from '../../../harness/core/deadline.js';
import { SocketListener } from '../../../harness/core/socket.js';
import { topology } from '../../../harness/machine/topology.js';
import { QmpClient } from '../../../harness/qmp/client.js';
import type { Journey } from '../../../harness/scenario/definition.js';
import { expect } from '../../../harness/scenario/expectations.js';
import { ReproductionScript } from '../../../harness/scenario/reproduction.js';
import { imaginedBuild } from './imagined.js';
import { processesNaming, Stage } from './stage.js';

async function migrates({ migrate }: Journey): Promise<void> {
  await migrate();
}

function failed(why: string): never {
  throw new Error(why);
}

/** 1. The script of a cell does the same without Godwit, whatever the cell did, and leaves nothing.  2. The command lines of a cell start.  3. A value is never run by a shell. */
describe('a reproduction', () => {
  let stage: Stage;
  let temporary: tmp.DirResult;
  beforeEach(() => {
    stage = new Stage();
    temporary = tmp.dirSync({ unsafeCleanup: true });
  });
  afterEach(() => {
    for (const pid of processesNaming(temporary.name)) process.kill(pid, 'SIGKILL');
    stage[Symbol.dispose]();
    temporary.removeCallback();
  });

  /** Runs `reproduce.sh` with a folder for temporary files of its own, which has to be empty afterwards. */
  async function reproduce(): Promise<string> {
    const env = { TMPDIR: temporary.name };
    const { all, exitCode } = await execa('bash', [join(stage.logs, 'reproduce.sh')], {
      env,
      all: true,
      reject: false,
    });
    expect(exitCode, all).to.equal(0);
    expect(all).to.not.match(/no answer|Killed|: line \d+:/);
    expect(processesNaming(temporary.name)).to.deep.equal([]);
    expect(readdirSync(temporary.name)).to.deep.equal([]);
    return all;
  }

  it('prints the error lines of the cell', async () => {
    await stage.play(
      {
        devices: topology('root-port-off-function-0'),
        async body({ guest, migrate }) {
          const slot = await guest.slot('pcie-root-port18');
          await slot.powerOn();
          await slot.powerOff();
          expect(await migrate()).to.be.completed;
        },
      },
      { machineType: 'pc-q35-6.0' },
    );
    const told = await reproduce();
    expect(told).to.include('i=0x6e read: 18 device: 40');
    expect(
      stage
        .log('destination.stderr')
        .split('\n')
        .filter((line) => line !== '' && !told.includes(line)),
    ).to.deep.equal([]);
  });

  it('goes a whole route, with resets, hotplugs and TCP', async () => {
    const ports = [0, 1].flatMap((slot) => ['-device', `pcie-root-port,id=port${slot},slot=${slot},chassis=${slot}`]);
    await stage.play(
      {
        devices: ports,
        hotplugs: true,
        async body(journey) {
          for (const hop of [0, 1]) {
            await journey.guest.reset();
            await journey.guest.hotplug(`virtio-scsi-pci,id=scsi${hop},bus=port${hop}`);
            expect(await journey.migrate({ channel: hop === 0 ? 'tcp' : 'unix' })).to.be.completed;
          }
        },
      },
      { route: ['trixie', 'bookworm', 'trixie'] },
    );
    const told = await reproduce();
    for (const label of ['source', 'hop-1', 'hop-2']) {
      expect(told).to.match(new RegExp(`^${label} qmp < .*"MIGRATION".*"completed"`, 'm'));
    }
    expect(told).to.not.include('"status": "failed"');
    const lines = told.split(/\r?\n/);
    const reset = lines.findIndex((line) => line.includes('"system_reset"'));
    const answers = lines.slice(reset + 1, reset + 3).join(' ');
    expect(answers, 'the guest goes on only after the reset').to.include('"RESET"').and.include('"return"');
  });

  it('shows why a QEMU cannot start', async () => {
    await stage.play({
      destination: () => ({ devices: '-device no-such-device' }),
      body: migrates,
    });
    expect(await reproduce()).to.include("'no-such-device' is not a valid device model name");
  });

  it('has command lines that start by themselves', async () => {
    await stage.play({
      devices: '-name "a guest with $HOME; words"',
      body: migrates,
    });
    for (const script of ['source.sh', 'destination.sh']) {
      const path = join(temporary.name, script.replace('.sh', '.wire'));
      await using listener = await SocketListener.listen({ path });
      const qemu = execa(join(stage.logs, script), ['-qmp', `unix:${path}`], {
        cwd: temporary.name,
        timeout: 10_000,
        reject: false,
      });
      const ended = qemu.then(({ stderr }) => failed(`it ended: ${stderr}`));
      ended.catch(() => undefined);
      const wire = await Promise.race([listener.peer, ended]);
      const qmp = await QmpClient.connect(wire, { deadline: Deadline.after(5000) });
      expect(await qmp.execute('query-name')).to.deep.equal({ name: 'a guest with $HOME; words' });
      await qmp.execute('quit');
      expect((await qemu).exitCode).to.equal(0);
      qmp.close();
    }
  });

  it('leaves every value as it is written', async () => {
    const script = new ReproductionScript('a title\nof two lines');
    const value = `$HOME "\`id\`" 'x' \\ $(id)`;
    const build = imaginedBuild('b', '7.2.22');
    const spec = {
      build: { ...build, command: ['false'] },
      machineType: 'q35',
      accel: 'tcg',
      memoryMiB: 16,
      words: ['-name', value],
      incoming: false,
    };
    script.start({ spec, label: 'source', folder: '/private/x' });
    script.send(
      'source',
      'qmp',
      JSON.stringify({ execute: 'x', arguments: { value, path: '/private/x/source.stream' } }),
    );
    script.write(temporary.name);
    const text = readFileSync(join(temporary.name, 'reproduce.sh'), 'utf8');
    expect(text).to.not.include('relay');
    expect(text).to.include('# a title of two lines\n').and.not.include('/private/x');
    const { stdout } = await execa('bash', ['-c', text.replace(/^(start|qmp) source /gm, "printf '%s\\n' ")], {
      reject: false,
    });
    const [command = '', line = ''] = stdout.split('\n');
    expect(await execa('bash', ['-c', `printf %s ${command.slice(command.indexOf('-name') + 5)}`])).to.have.property(
      'stdout',
      value,
    );
    expect(JSON.parse(line)).to.have.nested.property('arguments.value', value);
  });

  it('sends a stream straight that went through a relay, and says so', async () => {
    await stage.play({
      devices: '',
      async body({ migrate }) {
        expect(await migrate({ relay: { edits: [{ drop: 'hpet' }] } })).to.have.finding('no-such-finding');
      },
    });
    expect(await reproduce()).to.match(/"status": "completed"/);
    expect(readFileSync(join(stage.logs, 'reproduce.sh'), 'utf8')).to.include(
      '# There the stream went through a relay',
    );
  });
});
