import { expect } from 'chai';
import { randomFillSync } from 'node:crypto';
import { Deadline } from '../../../harness/core/deadline.js';
import { StateError } from '../../../harness/core/errors.js';
import { ScriptedGuest } from '../../../harness/guest/scripted.js';
import type { Machine } from '../../../harness/machine/machine.js';
import { topology } from '../../../harness/machine/topology.js';
import { splitWords } from '../../../harness/machine/words.js';
import { describeOutcome } from '../../../harness/migration/outcome.js';
import { ExecuteError } from '../../../harness/qmp/errors.js';
import { failure } from '../support/failure.js';
import { pidOf } from '../support/launchpad.js';
import { Pair } from '../support/pair.js';

const netWords = splitWords('-netdev hubport,id=h0,hubid=0 -device virtio-net-pci,id=net0,netdev=h0,romfile=,addr=0x5');
const slotWords = topology('root-port-off-function-0');
const interruptLine = { offset: 0x3c, width: 1 } as const;

/**
 * 1. Every class of outcome, from two real QEMUs, with both states, both ends, the logs, the bytes and the times.
 * 2. What the log says is in the findings, with its fields.
 * 3. What no log says is found by looking.
 */
describe('a migration', () => {
  for (const [from, to] of [
    ['bookworm', 'bookworm'],
    ['bookworm', 'trixie'],
    ['trixie', 'bookworm'],
    ['trixie', 'trixie'],
  ] as const) {
    for (const channel of ['unix', 'tcp'] as const) {
      it(`completes from ${from} to ${to} over ${channel}`, async () => {
        const phases: string[] = [];
        await using pair = await Pair.launch({ build: from, words: slotWords }, { build: to });
        await pair.source.qtest.writeBlock(0x200000, Buffer.from('carried along'));
        const outcome = await pair.migrate({ plan: { channel }, onPhase: (phase) => phases.push(phase) });
        expect(describeOutcome(outcome)).to.equal(
          `deb:${from} → deb:${to}: completed (source completed, destination completed)`,
        );
        expect(outcome).to.deep.include({ class: 'completed', findings: [], differences: [] });
        expect(outcome.source).to.deep.equal({ migrationStatus: 'completed', runState: 'postmigrate', errorLines: [] });
        expect(outcome.destination).to.deep.include({ migrationStatus: 'completed', errorLines: [] });
        expect(outcome.destination.runState).to.be.oneOf(['paused', 'prelaunch']);
        // QEMU counts whole milliseconds: a quick one takes 0 of them. Undefined is what must not be.
        expect(outcome.totalMs).to.be.at.least(0);
        expect(outcome.downtimeMs).to.be.at.least(0);
        expect(outcome.transferredBytes).to.be.above(10_000);
        expect(outcome.configSpace.before?.get('00:12.0')?.id).to.equal('pcie-root-port18');
        expect(outcome.configSpace.after).to.deep.equal(outcome.configSpace.before);
        expect(phases).to.deep.equal(['migration', 'judging']);
        const carried = await pair.destination.qtest.readBlock(0x200000, 13);
        expect(carried.toString()).to.equal('carried along');
      });
    }
  }

  it('is not judged where a source that lives cannot be looked at, and is where it has died', async () => {
    const look = (of: Pair, before: () => void) => (machine: Machine) => {
      if (machine === of.source) before();
      return of.look(machine);
    };
    await using alive = await Pair.launch({});
    const refused = look(alive, () => {
      throw new StateError('nobody looks at this');
    });
    expect((await failure(alive.migrate({ runs: true, look: refused }), StateError)).message).to.include(
      'nobody looks',
    );
    await using dying = await Pair.launch({});
    const killed = look(dying, () => process.kill(pidOf(dying.source), 'SIGKILL'));
    const outcome = await dying.migrate({ runs: true, look: killed });
    expect(outcome.configSpace.before).to.equal(undefined);
    expect(outcome.destination.migrationStatus).to.equal('completed');
  });

  it('fails to load where the sizes of memory differ', async () => {
    for (const build of ['bookworm', 'trixie'] as const) {
      await using pair = await Pair.launch({ build, memoryMiB: 16 }, { memoryMiB: 32 });
      const outcome = await pair.migrate();
      expect(outcome.class).to.equal('load-failure');
      expect(outcome.destination).to.deep.include({ exitCode: 1 });
      expect(outcome.destination.errorLines.join('\n')).to.match(/Size mismatch: pc\.ram: 0x1000000 != 0x2000000/);
      const [finding] = outcome.findings;
      expect(finding).to.deep.include({ kind: 'ramblock-size', side: 'destination' });
      expect(finding?.fields).to.deep.include({ block: 'pc.ram', source: 0x1000000, destination: 0x2000000 });
      expect(outcome.configSpace.after).to.equal(undefined);
    }
  });

  it('fails to load the slot that the guest powered off, where the bug is', async () => {
    await using pair = await Pair.launch({ words: slotWords });
    const slot = await pair.guest.slot('pcie-root-port18');
    await slot.powerOn();
    await slot.powerOff();
    const outcome = await pair.migrate();
    expect(outcome.class).to.equal('load-failure');
    expect(outcome.destination).to.deep.include({ exitCode: 1 });
    const [finding] = outcome.findings;
    expect(finding).to.deep.include({ kind: 'config-mismatch', side: 'destination', device: 'pcie-root-port18' });
    expect(slotWords).to.include(finding?.commandLine).and.include('-device');
    expect(finding?.fields).to.include({ register: 'Slot Status', bits: 'PDS' });
    expect(finding?.summary).to.match(/Slot Status.*pcie-root-port18.*PDS/);
    expect(describeOutcome(outcome)).to.match(
      /could not load the stream .*destination exited with status 1\); Slot Status/,
    );
  });

  it('loads that slot where the bug is mended', async () => {
    await using pair = await Pair.launch({ words: slotWords }, { build: 'trixie' });
    const slot = await pair.guest.slot('pcie-root-port18');
    await slot.powerOn();
    await slot.powerOff();
    expect(describeOutcome(await pair.migrate())).to.match(/: completed \(/);
  });

  it('fails to load, and leaves a destination alive that is told to stay', async () => {
    await using pair = await Pair.launch({ build: 'trixie', memoryMiB: 16 }, { memoryMiB: 32 });
    const outcome = await pair.migrate({ plan: { exitOnError: false } });
    expect(outcome.class).to.equal('load-failure');
    expect(outcome.destination).to.include({ migrationStatus: 'failed' });
    expect(outcome.destination).to.not.have.any.keys('exitCode', 'signal');
    expect(outcome.destination.errorDesc).to.be.a('string');
    expect(outcome.findings.map(({ kind }) => kind)).to.include('ramblock-size');
  });

  it('is refused by a blocker', async () => {
    const words = splitWords('-object memory-backend-ram,id=m0,size=1M,share=on -device ivshmem-plain,id=i0,memdev=m0');
    for (const build of ['bookworm', 'trixie'] as const) {
      await using pair = await Pair.launch({ build, words });
      const outcome = await pair.migrate();
      expect(outcome.class).to.equal('refused');
      expect(outcome.source.refusal).to.match(
        /Migration is disabled when using feature 'peer mode' in device 'ivshmem'/,
      );
      expect(outcome.findings[0]).to.deep.include({ kind: 'refused', side: 'source' });
      expect(outcome.source).to.deep.include({ runState: 'prelaunch' });
      expect(pair.destination.exited).to.equal(undefined);
    }
  });

  it('dies with its destination', async () => {
    await using pair = await Pair.launch({});
    const outcome = await pair.onTheWay(() => process.kill(pidOf(pair.destination), 'SIGSEGV'));
    expect(outcome.class).to.equal('died');
    expect(outcome.destination).to.deep.equal({ signal: 'SIGSEGV', errorLines: [] });
    expect(outcome.source).to.deep.include({ migrationStatus: 'failed' });
    expect(describeOutcome(outcome)).to.match(/a QEMU died \(source failed, destination ended by SIGSEGV\)/);
  });

  it('dies with its source', async () => {
    await using pair = await Pair.launch({ build: 'trixie' });
    const outcome = await pair.onTheWay(() => process.kill(pidOf(pair.source), 'SIGABRT'));
    expect(outcome.class).to.equal('died');
    expect(outcome.source).to.deep.include({ signal: 'SIGABRT' });
    expect(outcome.destination).to.deep.include({ exitCode: 1 });
  });

  it('hangs with its destination', async () => {
    await using pair = await Pair.launch({});
    const startedMs = performance.now();
    const outcome = await pair.onTheWay(() => process.kill(pidOf(pair.destination), 'SIGSTOP'));
    expect(performance.now() - startedMs).to.be.below(6000);
    expect(outcome.class).to.equal('hang');
    expect(outcome.source).to.deep.include({ migrationStatus: 'active' });
    expect(outcome.destination).to.deep.equal({ errorLines: [] });
  });

  it('is no hang as long as something moves', async () => {
    await using pair = await Pair.launch({});
    await pair.source.qtest.writeBlock(0x100000, randomFillSync(Buffer.alloc(2 * 1024 * 1024)));
    const plan = { parameters: { 'max-bandwidth': 2_000_000 } };
    const outcome = await pair.migrate({ plan, stallMs: 150 });
    expect(outcome.class).to.equal('completed');
    expect(outcome.totalMs).to.be.above(300);
  });

  it('tells a difference that no log tells', async () => {
    for (const build of ['bookworm', 'trixie'] as const) {
      await using pair = await Pair.launch({ build, words: slotWords });
      const outcome = await pair.migrate({
        look: async (machine) => {
          const { access } = ScriptedGuest.resume(machine, Deadline.after(5000));
          const port = { bus: 0, device: 0x12, function: 0 };
          if (machine === pair.destination) await access.write(port, interruptLine, 0x0b);
          return pair.look(machine);
        },
      });
      expect(outcome.class).to.equal('silent-difference');
      const difference = { device: 'pcie-root-port18', address: '00:12.0', offset: 0x3c, register: 'Interrupt Line' };
      expect(outcome.differences).to.deep.equal([{ ...difference, bits: [], source: 0, destination: 0x0b }]);
      expect(outcome.findings[0]).to.deep.include({ kind: 'config-difference', device: 'pcie-root-port18' });
      expect(outcome.source).to.include({ migrationStatus: 'completed' });
    }
  });

  for (const [what, lose, told] of [
    [
      'an MSI-X vector',
      (pair: Pair) => pair.destination.qtest.writeMemory(0xe0000000 + 0x4000 + 0x2c, 4, 0),
      'MSI-X Vector Control of entry 2 of net0 (00:05.0) was 0x1 on the source and is 0x0 on the destination',
    ],
    [
      'an entry of the I/O APIC',
      async ({ destination: { qtest } }: Pair) => {
        await qtest.writeMemory(0xfec00000, 4, 0x18);
        await qtest.writeMemory(0xfec00010, 4, 0xa031);
        await qtest.writeMemory(0xfec00000, 4, 0);
      },
      'Redirection entry 4 of I/O APIC was 0x0000000000010000 on the source and is 0x000000000000a031 on the destination',
    ],
    [
      'a byte of memory',
      (pair: Pair) => pair.destination.qtest.writeMemory(0x300abc, 1, 0),
      'page 0x300000 of guest RAM was 3da7b277d6e4beb0 on the source and is zeroes on the destination',
    ],
  ] as const) {
    it(`tells ${what} that was lost on the way`, async () => {
      await using pair = await Pair.launch({ words: netWords });
      await pair.source.qtest.writeMemory(0x300abc, 1, 0x55);
      const outcome = await pair.migrate({
        look: async (machine) => {
          if (machine === pair.destination) await lose(pair);
          return pair.lookAtAll(machine);
        },
      });
      expect(outcome.class).to.equal('silent-difference');
      expect(outcome.findings.map(({ kind, summary }) => [kind, summary])).to.deep.equal([['state-difference', told]]);
      expect(outcome.source).to.include({ migrationStatus: 'completed' });
    });
  }

  for (const [what, words, told] of [
    [
      'another CPU model',
      ['-cpu', 'kvm64'],
      /^CPUID 0x80000001 ECX of CPU 0 was 0x5 on the source and is 0x0 on the destination$/m,
    ],
    [
      'one CPU more',
      ['-smp', '2'],
      /^all registers of CPU 1 was absent on the source and is present on the destination$/m,
    ],
  ] as const) {
    it(`tells ${what} on the destination`, async () => {
      await using pair = await Pair.launch({}, { words });
      const outcome = await pair.migrate({ look: (machine) => pair.lookAtAll(machine) });
      expect(outcome.class).to.equal('silent-difference');
      expect(outcome.findings.map(({ summary }) => summary).join('\n')).to.match(told);
    });
  }

  it('comes to the same with and without a look at all there is', async () => {
    for (const build of ['bookworm', 'trixie'] as const) {
      await using pair = await Pair.launch({ build, words: netWords });
      const outcome = await pair.migrate({ look: (machine) => pair.lookAtAll(machine) });
      expect(outcome).to.deep.include({ class: 'completed', findings: [], differences: [] });
    }
  });

  it('carries capabilities and parameters, and says when QEMU keeps other values', async () => {
    await using pair = await Pair.launch({});
    const plan = { capabilities: { multifd: true }, parameters: { 'multifd-channels': 3 } };
    expect((await pair.migrate({ plan })).class).to.equal('completed');
    await using other = await Pair.launch({});
    const kept = other.migrate({ plan: { parameters: { 'multifd-zlib-level': 2 } } });
    expect((await failure(kept, StateError)).message).to.match(
      /^the (source|destination) QEMU accepted multifd-zlib-level=2 and kept 1$/,
    );
    await failure(other.migrate({ plan: { capabilities: { nonstop: true } } }), ExecuteError);
  });

  it('goes on where the guest has arrived', async () => {
    await using pair = await Pair.launch({ words: slotWords });
    await pair.migrate();
    const guest = ScriptedGuest.resume(pair.destination, Deadline.after(5000));
    const slot = await guest.slot('pcie-root-port18');
    await slot.powerOn();
    await guest.reset();
    expect((await guest.configSpace()).get('00:12.0')?.id).to.equal('pcie-root-port18');
  });
});
