import { expect } from 'chai';
import { diagnose } from '../../../harness/diagnosis/diagnose.js';
import type { CellResult } from '../../../harness/record/events.js';
import { evidenceOf, storyOf } from '../../../harness/report/explanation.js';
import { rootPortSpace } from '../pci/spaces.js';
import { mailedLog } from '../diagnosis/logs.js';

const placed = { driver: 'pcie-root-port', text: 'pcie-root-port,id=rp,addr=0x12' };
const topology = { byAddress: () => ({ id: 'rp', config: rootPortSpace }), byPlace: () => placed };

const resultOf = (log: string): CellResult => ({
  ...{
    verdict: 'failed',
    reason: 'the migration failed',
    outcomes: [],
    durationMs: 1,
    phasesMs: {},
    accel: 'tcg',
    rssBytes: 0,
  },
  findings: diagnose('destination', log, topology),
});

// 1. The diagnosis comes first, then what made the device, why it is fatal and what is known; what was expected comes last, without a repetition.
// 2. A line that nobody has taught it is among the raw lines, marked, whatever else is known.
describe('report/explanation', () => {
  it('tells the story in order', () => {
    const evidence = evidenceOf(resultOf(mailedLog));
    const [diagnosis = ''] = evidence.diagnosis;
    const story = storyOf(evidence, `expected the migration to complete: it did not; ${diagnosis}`);
    expect(story.map((said) => said.split(/[ :]/).slice(0, 2).join(' '))).to.deep.equal([
      'Slot Status',
      'made by',
      'why ',
      'known ',
      'expected the',
    ]);
    expect(story[1]).to.equal('made by -device pcie-root-port,id=rp,addr=0x12');
    expect(story.at(-1)).to.equal('expected the migration to complete: it did not');
  });

  it('marks the line that nobody has taught it', () => {
    const { diagnosis, raw } = evidenceOf(resultOf(`${mailedLog}qemu-kvm: brand new\n`));
    expect(diagnosis).to.have.length(1);
    expect(raw).to.include('destination: qemu-kvm: brand new [undiagnosed]');
    expect(raw.filter((line) => line.endsWith('[undiagnosed]'))).to.have.length(1);
  });
});
