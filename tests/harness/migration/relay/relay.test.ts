import { expect } from 'chai';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { StateError } from '../../../../harness/core/errors.js';
import { splitWords } from '../../../../harness/machine/words.js';
import type { MigrationPlan } from '../../../../harness/migration/plan.js';
import { loadOrder } from '../../../../harness/stream/compare/order.js';
import { readStreamFile } from '../../../../harness/stream/input.js';
import { readMultifd } from '../../../../harness/stream/multifd.js';
import { failure } from '../../support/failure.js';
import { readBytes } from '../../support/edited.js';
import { Pair } from '../../support/pair.js';

const mebibyte = 1 << 20;
const words = splitWords(
  '-device pcie-root-port,id=port18,chassis=1,addr=0x12 -device e1000e,id=nic0,romfile=,addr=0x5',
);
const port = '0000:00:12.0/pcie-root-port';
const machine = { machineType: 'pc-q35-7.2', words } as const;

/**
 * Between two real QEMUs:
 * 1. What passes is unchanged, counted, and the copy is a whole stream: over unix, TCP, with a return path, multifd, postcopy capability.
 * 2. Changed fields: refused by the destination where it compares them, found by looking where it does not.
 * 3. Sections in another order, and left out.
 * 4. A connection that is cut, at a byte and at a section, is a load failure that says so; a copy that is wanted whole outlasts the destination.
 * 5. A slow connection takes its time and completes.
 * 6. An edit that changes nothing is an error; nothing is left behind.
 */
describe('a relay', () => {
  const ways: [name: string, plan: MigrationPlan][] = [
    ['a unix socket', {}],
    ['TCP', { channel: 'tcp' }],
    ['a return path', { capabilities: { 'return-path': true } }],
    ['postcopy as a capability', { capabilities: { 'postcopy-ram': true } }],
  ];
  for (const [name, plan] of ways) {
    it(`passes a migration over ${name}`, async () => {
      await using pair = await Pair.launch(machine);
      await pair.source.qtest.command(`memset 0x100000 ${4 * mebibyte} 0x5a`);
      const outcome = await pair.migrate({ plan: { ...plan, relay: { tee: true } } });
      expect(outcome.class).to.equal('completed');
      expect(outcome.channels).to.have.length(1);
      const [main] = outcome.channels ?? [];
      const copy = readFileSync(main?.file ?? '');
      expect(copy.length)
        .to.equal(main?.bytesToDestination)
        .and.above(4 * mebibyte);
      expect(main?.bytesToSource).to.be[plan.capabilities ? 'above' : 'equal'](0);
      const steps = loadOrder(readBytes(copy)).map((step) => step.name);
      expect(steps).to.include(port).and.include('globalstate');
    });
  }

  for (const build of ['bookworm', 'trixie'] as const) {
    it(`passes every channel of multifd of ${build}`, async () => {
      await using pair = await Pair.launch({ ...machine, build });
      await pair.source.qtest.command(`memset 0x100000 ${4 * mebibyte} 0x5a`);
      const plan: MigrationPlan = {
        capabilities: { multifd: true },
        parameters: { 'multifd-channels': 2 },
        relay: { tee: true },
      };
      const outcome = await pair.migrate({ plan });
      expect(outcome.class).to.equal('completed');
      const [main, ...channels] = outcome.channels ?? [];
      expect(readBytes(readFileSync(main?.file ?? '')).blocks[0]?.name).to.equal('pc.ram');
      const read = channels.map(({ file = '' }) => readStreamFile(file, readMultifd));
      expect(read.map(({ id }) => id).sort()).to.deep.equal([0, 1]);
      const pages = read.reduce((sum, { counts }) => sum + (counts['normalPages'] ?? 0), 0);
      expect(pages).to.be.within(1024, 1300);
    });
  }

  it('flips a bit that the destination compares', async () => {
    await using pair = await Pair.launch(machine);
    const relay = { edits: [{ change: port, field: 'config', byte: 0x6e, xor: 0x40 }] };
    const outcome = await pair.migrate({ plan: { relay } });
    expect(outcome.class).to.equal('load-failure');
    const mismatch = outcome.findings.find(({ kind }) => kind === 'config-mismatch');
    expect(mismatch?.fields).to.include({ offset: 0x6e, register: 'Slot Status', bits: 'PDS' });
    expect(mismatch?.device).to.equal('port18');
  });

  it('lets the source know by the return path that the destination failed', async () => {
    await using pair = await Pair.launch(machine);
    const relay = { edits: [{ change: port, field: 'config', byte: 0x6e, xor: 0x40 }] };
    const outcome = await pair.migrate({ plan: { capabilities: { 'return-path': true }, relay } });
    expect(outcome.class).to.equal('load-failure');
    expect(outcome.source.migrationStatus).to.equal('failed');
    expect(outcome.channels?.[0]?.bytesToSource).to.be.above(0);
  });

  it('flips a bit that only looking finds', async () => {
    await using pair = await Pair.launch(machine);
    // Interrupt Line: the guest may write it, so the destination takes any value.
    const relay = { edits: [{ change: '0000:00:05.0/e1000e', field: 'config', byte: 0x3c, xor: 0x05 }] };
    const outcome = await pair.migrate({ plan: { relay } });
    expect(outcome.class).to.equal('silent-difference');
    expect(outcome.differences).to.have.length(1);
    expect(outcome.differences[0]).to.include({
      device: 'nic0',
      register: 'Interrupt Line',
      source: 0,
      destination: 5,
    });
  });

  it('reorders sections, which a destination does not notice', async () => {
    await using pair = await Pair.launch(machine);
    const relay = { tee: true, edits: [{ move: 'ioapic', before: 'cpu' }] };
    const outcome = await pair.migrate({ plan: { relay } });
    expect(outcome.class).to.equal('completed');
    const names = loadOrder(readBytes(readFileSync(outcome.channels?.[0]?.file ?? ''))).map((step) => step.name);
    expect(names.indexOf('cpu')).to.equal(names.indexOf('ioapic') + 1);
  });

  it('leaves a section out, which only looking finds', async () => {
    await using pair = await Pair.launch(machine);
    await pair.guest.mapDevices();
    const relay = { edits: [{ drop: '0000:00:05.0/e1000e' }] };
    const outcome = await pair.migrate({ plan: { relay }, look: (looked) => pair.lookAtAll(looked) });
    expect(outcome.class).to.equal('silent-difference');
    expect(outcome.differences.map(({ device }) => device)).to.include('nic0');
  });

  for (const [where, cut] of [
    ['after some bytes', { afterBytes: 100_000 }],
    ['where a section begins', { beforeSection: 'ioapic' }],
  ] as const) {
    it(`cuts the connection ${where}`, async () => {
      await using pair = await Pair.launch(machine);
      const outcome = await pair.migrate({ plan: { relay: { cut, tee: true } } });
      expect(outcome.class).to.equal('load-failure');
      expect(outcome.findings[0]?.summary).to.match(
        /^The stream ended before the destination had all of it: the connection was cut/,
      );
      const copy = readFileSync(outcome.channels?.[0]?.file ?? '');
      if ('afterBytes' in cut) expect(copy.length).to.equal(100_000);
      else expect(() => readBytes(copy)).to.throw(/the stream ends where/);
    });
  }

  it('keeps all of the stream, wanted whole, of a destination that ends at its beginning', async () => {
    for (const capabilities of [{}, { 'return-path': true }]) {
      await using pair = await Pair.launch({ ...machine, memoryMiB: 16 }, { memoryMiB: 32 });
      const more = Buffer.alloc(mebibyte, 0x5a).toString('base64');
      await pair.source.qtest.command(`b64write 0x100000 ${mebibyte} ${more}`);
      const outcome = await pair.migrate({ plan: { capabilities, relay: { tee: 'whole' } } });
      expect(outcome.class).to.equal('load-failure');
      // A source that was answered sees the end of its destination, and stops.
      if ('return-path' in capabilities) continue;
      const capture = readBytes(readFileSync(outcome.channels?.[0]?.file ?? ''));
      expect(capture.description?.devices.map(({ name }) => name)).to.include(port);
      expect(outcome.source.migrationStatus).to.equal('completed');
    }
  });

  it('slows the connection down', async () => {
    await using pair = await Pair.launch(machine);
    await pair.source.qtest.command(`memset 0x100000 ${2 * mebibyte} 0x5a`);
    const outcome = await pair.migrate({ plan: { relay: { bytesPerSecond: 4 * mebibyte } } });
    expect(outcome.class).to.equal('completed');
    expect(outcome.totalMs).to.be.above(300);
  });

  it('breaks what is still open when the migration is given up', async () => {
    const pipes = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'PipeWrap').length;
    await using pair = await Pair.launch(machine);
    const before = pipes();
    const outcome = await pair.migrate({ plan: { relay: { bytesPerSecond: 1000 } }, stallMs: 300 });
    expect(outcome.class).to.equal('hang');
    // The test's own time limit ends this where something stays open.
    while (pipes() > before) await new Promise((resolve) => setImmediate(resolve));
  });

  it('says when an edit changed nothing, and leaves no socket', async () => {
    await using pair = await Pair.launch(machine);
    const error = await failure(pair.migrate({ plan: { relay: { edits: [{ drop: 'no-such-device' }] } } }), StateError);
    expect(error.message).to.equal(
      '{"drop":"no-such-device"} changed nothing: the stream had nothing that it is about',
    );
    const { folder } = pair.source.options;
    expect(existsSync(folder)).to.equal(true);
    expect(readdirSync(folder).filter((name) => name.includes('relay'))).to.deep.equal([]);
  });
});
