import { expect } from 'chai';
import { UsageError } from '../../../harness/core/errors.js';
import { applies, checkKnownIssue, type KnownIssue, matches } from '../../../harness/scenario/known-issue.js';
import { imaginedBuild, imaginedFinding } from './imagined.js';

const issue: KnownIssue = {
  name: 'slot',
  source: 'a bug report',
  builds: { destination: '<8.1' },
  machineTypes: ['pc-q35 <=6.0'],
  side: 'destination',
  evidence: /PDS/,
};

function isExpected(given: Partial<KnownIssue>, hop: { from?: string; to?: string; type?: string; device?: string }) {
  const { from = '7.2.22', to = '7.2.22', type = 'pc-q35-6.0', device } = hop;
  return applies(
    { ...issue, ...given },
    {
      source: imaginedBuild('a', from),
      destination: imaginedBuild('b', to),
      machineType: type,
      options: device === undefined ? {} : { device },
    },
  );
}

/**
 * 1. An issue is expected on the versions, machine types and options it names, and on nothing else.
 * 2. A finding shows it on its own side only, by its summary or its line, and every time it is asked.
 * 3. A range that cannot be read is refused with its words.
 */
describe('a known issue', () => {
  it('is expected in its versions of either side', () => {
    expect(isExpected({}, { to: '8.0.5' })).to.equal(true);
    expect(isExpected({}, { to: '8.1.0' })).to.equal(false);
    expect(isExpected({}, { to: '10.0.13' })).to.equal(false);
    expect(isExpected({}, { from: '11.1.3' })).to.equal(true);
    expect(isExpected({ builds: { source: '>=6.0 <8.1' } }, { from: '5.2.0', to: '11.1.3' })).to.equal(false);
    expect(isExpected({ builds: { source: '>=6.0 <8.1' } }, { from: '6.0.0', to: '11.1.3' })).to.equal(true);
    expect(isExpected({ builds: {} }, { to: '11.1.3' })).to.equal(true);
  });

  it('is expected on its machine types', () => {
    expect(isExpected({}, { type: 'pc-q35-5.2' })).to.equal(true);
    expect(isExpected({}, { type: 'pc-q35-6.1' })).to.equal(false);
    expect(isExpected({}, { type: 'pc-q35-10.0' })).to.equal(false);
    expect(isExpected({}, { type: 'pc-i440fx-5.2' })).to.equal(false);
    expect(isExpected({ machineTypes: ['pc-q35'] }, { type: 'pc-q35-10.0' })).to.equal(true);
    expect(isExpected({ machineTypes: ['pc-q35 >=7.0 <8.0', 'virt'] }, { type: 'pc-q35-7.2' })).to.equal(true);
    expect(isExpected({ machineTypes: ['pc-q35 >=7.0 <8.0', 'virt'] }, { type: 'virt-9.0' })).to.equal(true);
    expect(isExpected({ machineTypes: [] }, {})).to.equal(false);
  });

  it('is expected with its options', () => {
    const options = { device: ['nec-usb-xhci', 'qemu-xhci'] };
    expect(isExpected({ options }, { device: 'qemu-xhci' })).to.equal(true);
    expect(isExpected({ options }, { device: 'e1000e' })).to.equal(false);
    expect(isExpected({ options }, {})).to.equal(false);
  });

  it('is shown by a finding of its side, in the summary or the line', () => {
    expect(matches(issue, imaginedFinding())).to.equal(true);
    expect(matches(issue, imaginedFinding({ side: 'source' }))).to.equal(false);
    expect(matches(issue, imaginedFinding({ summary: 'something else' }))).to.equal(false);
    expect(matches(issue, imaginedFinding({ summary: 'something else', line: 'a line about PDS' }))).to.equal(true);
  });

  it('is shown again by the same finding when its expression is global', () => {
    const global = { ...issue, evidence: /PDS/g };
    expect([1, 2, 3].map(() => matches(global, imaginedFinding()))).to.deep.equal([true, true, true]);
  });

  it('with a range that cannot be read is refused', () => {
    checkKnownIssue(issue);
    expect(() => checkKnownIssue({ ...issue, builds: { source: 'before 8' } })).to.throw(
      UsageError,
      /'slot' has 'before 8'.*accepted: '<8\.1'/,
    );
    expect(() => checkKnownIssue({ ...issue, machineTypes: ['pc-q35 up to 6.0'] })).to.throw(
      UsageError,
      /'up to 6\.0'/,
    );
  });
});
