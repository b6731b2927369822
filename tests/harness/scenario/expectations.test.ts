import { AssertionError } from 'chai';
import { expect, isUnmetExpectation } from '../../../harness/scenario/expectations.js';
import { imaginedFinding, imaginedOutcome } from './imagined.js';

const completed = imaginedOutcome();
const refusedLine = 'get_pci_config_device: Bad config data: i=0x6e read: 18 device: 40';
const loadFailure = imaginedOutcome({
  class: 'load-failure',
  destination: { exitCode: 1, errorLines: [refusedLine] },
  findings: [imaginedFinding()],
  configSpace: { before: new Map() },
});
const different = imaginedOutcome({
  class: 'silent-difference',
  findings: [imaginedFinding({ kind: 'config-difference', summary: 'Command of nic0 changed' })],
  differences: [
    { device: 'nic0', address: '00:05.0', offset: 4, register: 'Command', bits: [], source: 0, destination: 1 },
  ],
});

/** What the expectation says when it does not hold. */
function told(act: () => unknown): string {
  try {
    act();
  } catch (thrown) {
    if (!isUnmetExpectation(thrown)) throw thrown;
    return thrown.message;
  }
  throw new AssertionError('expected an expectation that does not hold, and it held');
}

/** 1. Each expectation holds where it should, and says what it saw where not; negated too.  2. What is no outcome is a mistake, and no verdict. */
describe('the expectations of an outcome', () => {
  it('completed', () => {
    expect(completed).to.be.completed;
    expect(loadFailure).not.to.be.completed;
    expect(told(() => expect(loadFailure).to.be.completed)).to.match(
      /^expected the migration to complete: a → b: the destination could not load the stream \(.*exited with status 1\); Slot Status/,
    );
    expect(told(() => expect(different).to.be.completed)).to.include('the guest sees a difference');
    expect(told(() => expect(completed).not.to.be.completed)).to.match(
      /^expected the migration not to complete: a → b/,
    );
  });

  it('cleanLogs, of both sides or of the one named', () => {
    expect(completed).to.have.cleanLogs;
    expect(loadFailure).to.not.have.cleanLogs;
    expect(told(() => expect(loadFailure).to.have.cleanLogs)).to.equal(
      `expected clean logs, and there is: destination: ${refusedLine}`,
    );
    expect(told(() => expect(completed).not.to.have.cleanLogs)).to.include('there is none');
  });

  it('preserve.configSpace', () => {
    expect(completed).to.preserve.configSpace;
    expect(different).to.not.preserve.configSpace;
    expect(told(() => expect(different).to.preserve.configSpace)).to.equal(
      'expected configuration space to be preserved: Command of nic0 changed',
    );
    expect(told(() => expect(loadFailure).to.preserve.configSpace)).to.match(
      /could not be read on the destination: a → b/,
    );
    const unseen = { ...completed, configSpace: { after: new Map() } };
    expect(told(() => expect(unseen).to.preserve.configSpace)).to.match(/could not be read on the source: a → b/);
    expect(told(() => expect(completed).to.not.preserve.configSpace)).to.include('it did not');
  });

  it('failedOn a side, with what its log says', () => {
    expect(loadFailure)
      .to.have.failedOn('destination')
      .with.log(/Bad config data/);
    expect(loadFailure)
      .to.have.failedOn('destination')
      .with.log(/PDS is 0/g)
      .and.log(/PDS is 0/g);
    expect(told(() => expect(loadFailure).to.have.failedOn('source'))).to.match(
      /^expected the migration to fail on the source/,
    );
    expect(told(() => expect(completed).to.have.failedOn('destination'))).to.include('completed');
    expect(told(() => expect(loadFailure).not.to.have.failedOn('destination'))).to.match(
      /not to fail on the destination/,
    );
    expect(
      told(() =>
        expect(loadFailure)
          .to.have.failedOn('destination')
          .with.log(/footer/),
      ),
    ).to.match(/^expected a log line to match \/footer\/; there is: .*i=0x6e.* \| Slot Status/);
    const refused = imaginedOutcome({ class: 'refused', findings: [imaginedFinding({ summary: 'no' })] });
    expect(refused).to.have.failedOn('source');
    expect(told(() => expect(refused).to.have.failedOn('source').with.log(/no/))).to.include('there is: none');
  });

  it('finding, by kind and fields', () => {
    expect(loadFailure).to.have.finding('config-mismatch');
    expect(loadFailure).to.have.failedOn('destination').with.finding('config-mismatch', { offset: 0x6e });
    expect(told(() => expect(loadFailure).to.have.finding('config-mismatch', { offset: 2 }))).to.equal(
      'expected a finding config-mismatch {"offset":2}; there is: config-mismatch {"offset":110}',
    );
    expect(told(() => expect(completed).to.have.finding('x'))).to.include('there is: none');
    expect(told(() => expect(loadFailure).not.to.have.finding('config-mismatch'))).to.match(/^expected no finding/);
  });

  it('read on from one another', () => {
    expect(completed).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  });

  it('of anything else are a mistake of whoever wrote them', () => {
    for (const wrong of [undefined, null, {}, 'completed', Promise.resolve(completed)]) {
      expect(() => expect(wrong).to.be.completed).to.throw(TypeError, 'not given the outcome of a migration');
      expect(() => expect(wrong).to.preserve.configSpace).to.throw(TypeError);
    }
  });
});
