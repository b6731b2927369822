import { expect } from 'chai';
import { parseErrorLines } from '../../../harness/diagnosis/error-lines.js';
import { classify, type Evidence } from '../../../harness/migration/classify.js';
import type { SideEvidence } from '../../../harness/migration/evidence.js';
import type { OutcomeClass, SideOutcome } from '../../../harness/record/outcome.js';

/** A side that answers with this state; one that is told to have ended does not answer. */
function side(outcome: Partial<SideOutcome> = {}, text = ''): SideEvidence {
  const ended = outcome.exitCode !== undefined || outcome.signal !== undefined;
  const status = ended ? {} : { migrationStatus: 'completed' };
  const lines = parseErrorLines(text);
  return { outcome: { errorLines: [], ...status, ...outcome }, text, lines, figures: {}, alive: !ended };
}

const silent: SideEvidence = { ...side(), outcome: { errorLines: [] }, alive: false };
const failed = side({ migrationStatus: 'failed' });
const assertion = '**\nERROR:../hw/pci/pci.c:1:pci_init: assertion failed: (bus)\n';
const blocker = "qemu-system-x86_64: Migration is disabled when using feature 'peer mode' in device 'ivshmem'";

const cases: [string, OutcomeClass, Partial<Evidence>][] = [
  ['both completed', 'completed', {}],
  ['both completed, and the guest sees something else', 'silent-difference', { differs: true }],
  ['the destination exited, whatever the source says', 'load-failure', { destination: side({ exitCode: 1 }) }],
  ['the destination exited with success', 'load-failure', { destination: side({ exitCode: 0 }) }],
  ['both failed, the destination gone', 'load-failure', { source: failed, destination: side({ exitCode: 1 }) }],
  ['the destination failed and stays', 'load-failure', { destination: failed }],
  ['the source alone failed', 'load-failure', { source: failed }],
  ['the destination failed, seen as a difference too', 'load-failure', { destination: failed, differs: true }],
  ['QMP refused', 'refused', { refusal: 'no', source: side({ migrationStatus: 'none' }) }],
  ['a blocker in the log', 'refused', { source: { ...failed, lines: parseErrorLines(blocker) } }],
  ['the destination was ended by a signal', 'died', { destination: side({ signal: 'SIGSEGV' }) }],
  [
    'the source was ended by a signal',
    'died',
    { source: side({ signal: 'SIGABRT' }), destination: side({ exitCode: 1 }) },
  ],
  ['an assertion, before its process has ended', 'died', { destination: side({}, assertion) }],
  ['a death although QMP refused', 'died', { refusal: 'no', source: side({ signal: 'SIGSEGV' }) }],
  ['the host ended the destination', 'harness-fault', { destination: side({ signal: 'SIGKILL' }) }],
  ['somebody ended the source', 'harness-fault', { source: side({ signal: 'SIGTERM' }), destination: failed }],
  ['nothing moves, both answer', 'hang', { settled: false, source: side({ migrationStatus: 'active' }) }],
  ['nothing moves, the destination is silent', 'hang', { settled: false, destination: silent }],
  ['both silent', 'hang', { settled: false, source: silent, destination: silent }],
  ['over, and the destination is silent', 'hang', { destination: silent }],
  ['a status that nobody knows is never completed', 'hang', { destination: side({ migrationStatus: 'device' }) }],
  ['the source completed, the destination waits', 'hang', { destination: side({ migrationStatus: 'none' }) }],
];

/** The class follows from both sides; the source's word alone is never believed. */
describe('the class of an outcome', () => {
  for (const [name, expected, evidence] of cases) {
    it(`is ${expected}: ${name}`, () => {
      const usual: Evidence = { source: side(), destination: side(), settled: true, differs: false };
      expect(classify({ ...usual, ...evidence })).to.equal(expected);
    });
  }
});
