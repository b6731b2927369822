import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import tmp from 'tmp';
import { cacheFolder } from '../../../harness/build/cache-folder.js';
import { Deadline } from '../../../harness/core/deadline.js';
import { linuxSystem } from '../../../harness/guest/linux/system.js';
import type { CellResult } from '../../../harness/record/events.js';
import { expect } from '../../../harness/scenario/expectations.js';
import { Stage } from './stage.js';

/** Kernel and builds come from the usual cache, saved guests go into one that a test has for itself. */
class OwnCache implements Disposable {
  private readonly folder = tmp.dirSync({ unsafeCleanup: true });
  private readonly before = process.env['XDG_CACHE_HOME'];

  constructor() {
    const usual = cacheFolder();
    const own = join(this.folder.name, 'godwit');
    mkdirSync(own);
    for (const name of readdirSync(usual)) if (name !== 'guests') symlinkSync(join(usual, name), join(own, name));
  }

  get guests(): string {
    return join(this.folder.name, 'godwit', 'guests');
  }

  /** Does what is asked with that cache in place; builds are resolved before it. */
  async with<T>(work: () => Promise<T>): Promise<T> {
    process.env['XDG_CACHE_HOME'] = this.folder.name;
    try {
      return await work();
    } finally {
      if (this.before === undefined) delete process.env['XDG_CACHE_HOME'];
      else process.env['XDG_CACHE_HOME'] = this.before;
    }
  }

  [Symbol.dispose](): void {
    this.folder.removeCallback();
  }
}

/**
 * 1. A payload guest walks on from machine to machine; a byte that is changed on its way or at the destination is told with its address.
 * 2. A guest that goes on at once (`hold: false`, postcopy) is there and well.
 * 3. A Linux guest is saved once, and comes up from what was saved in every other cell of the same machine, but with `cold`.
 * 4. A failure from a saved state is confirmed by a guest that is booted anew; when that one passes, the cell is flaky, and the state is forgotten.
 * 5. The outage that others see of a guest is told, and does not count the time for which it was held.
 * 6. Whatever happens, nothing is left.
 */
describe('a cell with a guest that runs', function () {
  this.timeout(120_000);
  let stage: Stage;
  before(function () {
    this.timeout(600_000);
    return linuxSystem({}, { deadline: Deadline.after(600_000), fetch: true });
  });
  beforeEach(() => (stage = new Stage()));
  afterEach(() => {
    const left = stage.leftovers();
    stage[Symbol.dispose]();
    expect(left, 'nothing of the cell is left').to.deep.equal([]);
  });

  const summaries = ({ findings }: CellResult): string => findings.map(({ summary }) => summary).join('\n');

  describe('payload', () => {
    const mebibyte = 2 ** 20;

    it('walks on at the destination', async () => {
      const result = await stage.play(
        {
          guest: 'payload',
          devices: '-device e1000e,romfile=',
          async body({ guest, migrate }) {
            await guest.setRange(mebibyte, 4 * mebibyte);
            await guest.setDirtyRate({ bytesPerSecond: 40e6 });
            const outcome = await migrate();
            expect(outcome).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
            expect(outcome.heldMs).to.be.above(0);
            const rounds = await guest.rounds();
            while ((await guest.rounds()) === rounds);
            await guest.checkMemory();
          },
        },
        { route: ['trixie', 'trixie'] },
      );
      expect(result).to.deep.include({ verdict: 'passed', guest: { kind: 'payload', start: 'cold' } });
    });

    it('is told of a byte that was changed at the destination', async () => {
      const result = await stage.play(
        {
          guest: 'payload',
          async body({ guest, migrate, machine: source }) {
            await guest.setRange(mebibyte, 4 * mebibyte);
            await guest.setDirtyRate('unlimited');
            while ((await guest.rounds()) < 2);
            await guest.pause();
            expect(await migrate()).to.be.completed;
            expect(guest.machine).to.not.equal(source);
            const at = 0x2345c3;
            await guest.machine.qtest.writeMemory(at, 1, (await guest.machine.qtest.readMemory(at, 1)) ^ 0x10);
            await guest.checkMemory();
          },
        },
        { route: ['trixie', 'trixie'] },
      );
      expect(result.verdict).to.equal('failed');
      expect(result.reason).to.match(/page 0x234000 is wrong at 0x2345c3/);
    });

    it('is compared with what it was on the source, whoever has changed it', async () => {
      const result = await stage.play(
        {
          guest: 'payload',
          devices: '-device pcie-root-port,id=port0,chassis=1,addr=3',
          async body({ guest, migrate }) {
            await guest.access.write({ bus: 0, device: 3, function: 0 }, { offset: 0x3c, width: 1 }, 11);
            const outcome = await migrate({ relay: { edits: [{ drop: '0000:00:03.0/pcie-root-port' }] } });
            expect(outcome).to.not.be.completed;
            expect(outcome).to.have.log(
              /^Interrupt Line of port0 \(00:03.0\).* was 0xb on the source and is 0x0 on the destination/,
            );
          },
        },
        { route: ['trixie', 'trixie'] },
      );
      expect(result.verdict, result.reason).to.equal('passed');
    });

    it('goes on at once where it is not held', async () => {
      const result = await stage.play(
        {
          guest: 'payload',
          async body({ guest, migrate }) {
            await guest.setDirtyRate({ bytesPerSecond: 1e6 });
            const outcome = await migrate({ hold: false });
            expect(outcome).to.be.completed;
            expect(outcome).to.not.have.property('heldMs');
            await guest.checkMemory();
          },
        },
        { route: ['trixie', 'trixie'] },
      );
      expect(result.verdict, result.reason).to.equal('passed');
    });
  });

  describe('Linux', () => {
    let cache: OwnCache;
    beforeEach(() => (cache = new OwnCache()));
    afterEach(() => cache[Symbol.dispose]());

    /** Plays with everything but saved guests where it always is. */
    const saved = (): string[] =>
      existsSync(cache.guests) ? readdirSync(cache.guests).filter((name) => name.endsWith('.stream')) : [];

    it('boots once, and comes from its saved state after that', async () => {
      const definition = {
        guest: 'linux' as const,
        async body({
          guest,
          migrate,
        }: {
          guest: { sh: (command: string) => Promise<string> };
          migrate: () => Promise<object>;
        }) {
          await guest.sh('echo mine > /tmp/mine');
          expect(await migrate()).to.be.completed;
          expect(await guest.sh('cat /tmp/mine')).to.equal('mine');
        },
      };
      const starts: (string | undefined)[] = [];
      for (const cold of [true, false, false]) {
        const result = await cache.with(() =>
          stage.play(definition, { route: ['trixie', 'trixie'], guests: { cold } }),
        );
        expect(result.verdict, `${result.reason} ${summaries(result)}`).to.equal('passed');
        starts.push(`${result.guest?.start} ${saved().length}`);
      }
      expect(starts).to.deep.equal(['cold 0', 'warm 1', 'warm 1']);
    });

    it('is confirmed by a guest that is booted anew when it fails', async () => {
      const result = await cache.with(() =>
        stage.play(
          {
            guest: 'linux',
            async body({ guest }) {
              expect(await guest.sh('uname -s')).to.equal('Hurd');
            },
          },
          { route: ['trixie', 'trixie'] },
        ),
      );
      expect(result).to.deep.include({ verdict: 'failed' });
      expect(result.guest?.start).to.equal('cold');
      expect(result.reason).to.match(/'Linux'.*'Hurd'.*confirmed with a guest that was booted anew/);
      expect(readdirSync(join(stage.logs, 'cold'))).to.include('source.console');
      expect(saved(), 'the saved state was not at fault').to.have.length(1);
    });

    it('is flaky when it fails from a saved state alone, which is then forgotten', async () => {
      let plays = 0;
      const result = await cache.with(() =>
        stage.play(
          {
            guest: 'linux',
            body() {
              plays += 1;
              expect(plays).to.equal(2);
              return Promise.resolve();
            },
          },
          { route: ['trixie', 'trixie'] },
        ),
      );
      expect(result.verdict).to.equal('flaky');
      expect(result.reason).to.match(
        /^failed with a guest from a saved state, passed with one that was booted anew: .*1 to equal 2/,
      );
      expect(saved()).to.deep.equal([]);
    });

    it('is saved for one machine, and not for another', async () => {
      const definition = { guest: 'linux' as const, body: () => Promise.resolve() };
      const machines = [{}, { memoryMiB: 200 }, { disks: { data: 8 } }];
      for (const [count, wish] of machines.entries()) {
        const result = await cache.with(() => stage.play({ ...definition, ...wish }, { route: ['trixie', 'trixie'] }));
        expect(result.verdict, result.reason).to.equal('passed');
        expect(saved(), JSON.stringify(wish)).to.have.length(count + 1);
      }
      await cache.with(() => stage.play({ ...definition, disks: { data: 8 } }, { route: ['trixie', 'trixie'] }));
      expect(saved(), 'another folder with the same disk').to.have.length(machines.length);
    });

    it('tells for how long others saw nothing of it', async () => {
      const result = await stage.play(
        {
          guest: 'linux',
          async body({ guest, migrate }) {
            await guest.startTicking();
            expect(await migrate()).to.be.completed;
          },
        },
        { route: ['trixie', 'trixie'] },
      );
      expect(result.verdict, result.reason).to.equal('passed');
      const [outcome] = result.outcomes;
      expect(outcome?.guestDowntimeMs).to.be.above(0);
      expect(outcome?.heldMs).to.be.above(0);
    });
  });
});
