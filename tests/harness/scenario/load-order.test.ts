import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tmp from 'tmp';
import type { OutcomeClass, OutcomeRecord } from '../../../harness/record/outcome.js';
import { expect } from '../../../harness/scenario/expectations.js';
import { addOrderFindings } from '../../../harness/scenario/load-order.js';
import { StreamError } from '../../../harness/stream/errors.js';
import { Stage } from './stage.js';

const host = '(76666900-0000-4000-8000-000000000001)';
/** A device whose thread has begun, behind a root port that came before the interrupt controller. */
const lines = [
  'qemu_loadvm_state_section_startfull 12(0000:00:05.0/pcie-root-port) 0 1',
  'qemu_loadvm_state_section_startfull 7(arm_gicv3) 0 1',
  'qemu_loadvm_state_section_startfull 17(0000:00:04.0/vfio) 0 1',
  `vfio_load_bufs_thread_start  ${host}`,
];

/**
 * 1. What came too early is told of a load that came to its end without an error, and of no other: a known issue of the order hides nothing else.
 * 2. A load that has not come to its end is told where the migration hung, and not where its destination has ended.
 * 3. Where the copy of the stream cannot be read, what the trace says stays, and so does the outcome.
 * 4. A destination that refuses a stream that was cut short is judged by its own findings.
 */
describe('what a migration says of the load order', () => {
  const outcome = (cls: OutcomeClass, wish: { errorLines?: string[]; file?: string } = {}): OutcomeRecord => ({
    ...{ class: cls, from: 'a', to: 'b', findings: [], differences: [] },
    source: { errorLines: [] },
    destination: { errorLines: wish.errorLines ?? [] },
    ...(wish.file !== undefined && {
      channels: [{ bytesToDestination: 1, bytesToSource: 0, file: wish.file }],
    }),
  });
  const found = (of: OutcomeRecord): string[] => {
    addOrderFindings(of, { trace: () => lines });
    return of.findings.map(({ kind }) => kind);
  };

  it('is told of a load that came to its end, and of no other', () => {
    expect(found(outcome('completed'))).to.deep.equal(['load-order']);
    expect(found(outcome('silent-difference'))).to.deep.equal(['load-order']);
    expect(found(outcome('completed', { errorLines: ['qemu: no'] }))).to.deep.equal([]);
    for (const other of ['load-failure', 'died', 'refused'] as const)
      expect(found(outcome(other)), other).to.deep.equal([]);
  });

  it('tells of a load that does not come to its end where it hangs', () => {
    expect(found(outcome('hang'))).to.deep.equal(['load-unfinished']);
  });

  it('keeps what the trace says where the stream cannot be read', () => {
    const folder = tmp.dirSync({ unsafeCleanup: true });
    try {
      const file = join(folder.name, 'cut.mig');
      writeFileSync(file, Buffer.from('5145564d00000003', 'hex'));
      const completed = outcome('completed', { file });
      expect(() => found(completed)).to.throw(StreamError);
      expect(completed.findings.map(({ kind }) => kind)).to.deep.equal(['load-order']);
    } finally {
      folder.removeCallback();
    }
  });

  it('leaves a destination that refuses a stream to its own findings', async () => {
    using stage = new Stage();
    const result = await stage.play({
      loadOrder: true,
      async body({ migrate }) {
        const outcome = await migrate({ relay: { tee: 'whole', cut: { beforeSection: 'apic' } } });
        expect(outcome).to.have.failedOn('destination').with.finding('stream-cut');
      },
    });
    expect(result.reason).to.equal('');
  });

  it('leaves the outcome in the record where the stream cannot be read', async () => {
    using stage = new Stage();
    let bytes = 0;
    const whole = await stage.play({
      async body({ migrate }) {
        const [main] = (await migrate({ relay: { tee: 'whole' } })).channels ?? [];
        bytes = main?.bytesToDestination ?? 0;
      },
    });
    expect(whole.reason).to.equal('');
    using other = new Stage();
    const { verdict, reason, outcomes } = await other.play({
      loadOrder: true,
      async body({ migrate }) {
        // In the description of the devices, which no destination needs: QEMU has completed by then.
        await migrate({ relay: { tee: 'whole', cut: { afterBytes: bytes - 100 } } });
      },
    });
    expect(reason).to.match(/the stream ends where the description of the devices was expected/);
    expect(verdict).to.equal('broken');
    expect(outcomes.map((one) => one.class)).to.deep.equal(['completed']);
  });
});
