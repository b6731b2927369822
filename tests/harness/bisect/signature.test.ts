import { expect } from 'chai';
import { signatureOf } from '../../../harness/bisect/signature.js';
import type { CellResult } from '../../../harness/record/events.js';
import type { Finding, RegisterDifference } from '../../../harness/record/outcome.js';
import { result, slotOutcome } from '../report/sample.js';

/** The slot that the guest powered off, at an address and with values that another layout has otherwise. */
function slot(place: { address: string; offset: number; read: number }): CellResult {
  const finding: Finding = {
    kind: 'config-mismatch',
    side: 'destination',
    summary: `Slot Status of slot1 (${place.address}): PDS is 0 in the stream, 1 on the destination`,
    fields: {
      ...{ offset: place.offset, read: place.read, device: 0x40, section: `0000:${place.address}/pcie-root-port` },
      ...{ register: 'Slot Status', capability: `PCI Express at 0x${place.offset.toString(16)}`, bits: 'PDS' },
    },
    device: 'slot1',
    path: [`0000:${place.address}/pcie-root-port`, 'pcie-root-port', 'PCIDevice', 'config'],
  };
  return result({ verdict: 'failed', findings: [finding], outcomes: [slotOutcome('a', 'b')] });
}

function difference(change: Partial<RegisterDifference>): CellResult {
  const one: RegisterDifference = {
    ...{ device: 'net0', address: '05:00.0', offset: 0x72, register: 'Link Status', bits: ['Speed'] },
    ...{ source: 1, destination: 2 },
    ...change,
  };
  const { offset, source, destination, device } = one;
  const finding: Finding = {
    kind: 'config-difference',
    side: 'destination',
    summary: `Link Status was ${source} and is ${destination}`,
    fields: { offset, source, destination },
    device,
  };
  const outcome = { ...slotOutcome('a', 'b'), class: 'silent-difference' as const, differences: [one] };
  return result({ verdict: 'failed', findings: [finding], outcomes: [outcome] });
}

function failed(reason: string, findings: Finding[] = []): CellResult {
  return result({ verdict: 'failed', reason, findings });
}

const guest = (summary: string): Finding => ({ kind: 'guest', side: 'source', summary, fields: {} });

// 1. The same failure of another layout has the same signature.  2. Another register, bit, device, side or class has another.
// 3. What has no fields is told by its words, without numbers and names of builds.
describe('bisect/signature', () => {
  it('is the same wherever a device stands', () => {
    const here = slot({ address: '00:12.0', offset: 0x6e, read: 0x18 });
    expect(signatureOf(here)).to.equal(signatureOf(slot({ address: '00:01.0', offset: 0x5a, read: 0x10 })));
    expect(signatureOf(here)).to.equal(
      'load-failure · destination · config-mismatch · slot1 · Slot Status · PDS · pcie-root-port · PCI Express',
    );
    expect(signatureOf({ ...here, verdict: 'known' })).to.equal(signatureOf(here));
  });

  it('tells differences that an oracle found by register and bits, not by value', () => {
    const first = signatureOf(difference({}));
    expect(first).to.include('silent-difference').and.include('net0').and.include('Link Status · Speed');
    expect(signatureOf(difference({ offset: 0x92, source: 7, destination: 0, address: '07:00.0' }))).to.equal(first);
    for (const change of [{ register: 'Link Control' }, { bits: ['Width'] }, { device: 'net1' }])
      expect(signatureOf(difference(change)), JSON.stringify(change)).to.not.equal(first);
  });

  it('tells a vmstate path without addresses and indices', () => {
    const at = (address: string, index: number): CellResult =>
      failed('', [
        {
          ...{ kind: 'post-load', side: 'destination', summary: 'could not be loaded', fields: { vmstate: 'virtio' } },
          path: [`0000:${address}/virtio-net`, 'virtio', `vqs[${index}]`],
        },
      ]);
    expect(signatureOf(at('00:05.0', 3))).to.equal(signatureOf(at('00:02.0:00.0', 0)));
    expect(signatureOf(at('00:05.0', 3))).to.equal(
      'no migration · destination · post-load · virtio · virtio-net/virtio/vqs[]',
    );
  });

  it('tells what has words alone without their numbers', () => {
    const waits = (ms: number, address: string): string =>
      signatureOf(failed('', [guest(`device0 (${address}) did not answer within ${ms} ms, last seen 0x1f`)]));
    expect(waits(30_000, '00:05.0')).to.equal(waits(29_999.5, '01:00.0')).and.include('device0');
    const unmet = (build: string): CellResult => ({
      ...failed(`expected 3 in ${build}`),
      outcomes: [{ ...slotOutcome(build, build), class: 'completed' }],
    });
    expect(signatureOf(unmet('deb:bookworm'))).to.equal('completed · expected N in BUILD');
    expect(signatureOf(unmet('deb:trixie'))).to.equal(signatureOf(unmet('deb:bookworm')));
  });

  it('is the verdict of what did not fail', () => {
    expect(signatureOf(result())).to.equal('passed');
    expect(signatureOf(result({ verdict: 'broken', reason: 'no room' }))).to.equal('broken');
  });
});
