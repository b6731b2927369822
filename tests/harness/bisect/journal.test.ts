import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import tmp from 'tmp';
import { Journal, journalFileName, type Round } from '../../../harness/bisect/journal.js';
import { UsageError } from '../../../harness/core/errors.js';

const question = { search: 'builds', '--grep': '^slot' };

function round(suspect: string): Round {
  return { suspect, answer: 'good', reason: '', cells: [], builds: [], durationMs: 3, at: '2026-11-21T00:00:00.000Z' };
}

/**
 * 1. What was added is there when the same question is asked again, also when the last line was cut short.
 * 2. Another question is refused with the differences named; `fresh` forgets.
 * 3. What is no journal, and what cannot be written, is refused.
 */
describe('the journal of a search', () => {
  let folder: tmp.DirResult;
  let file: string;
  beforeEach(() => {
    folder = tmp.dirSync({ unsafeCleanup: true });
    file = join(folder.name, journalFileName);
  });
  afterEach(() => folder.removeCallback());

  const refusal = (act: () => unknown): string => {
    try {
      act();
    } catch (thrown) {
      expect(thrown).to.be.instanceOf(UsageError);
      return (thrown as UsageError).message;
    }
    throw new Error('it was accepted');
  };

  it('keeps every answer, and forgets a line that was cut short', () => {
    const journal = Journal.open(folder.name, question);
    journal.add(round('a'));
    journal.add(round('b'));
    appendFileSync(file, '{"suspect":"c","ans');
    const again = Journal.open(folder.name, question);
    expect(again.rounds.map(({ suspect }) => suspect)).to.deep.equal(['a', 'b']);
    again.add(round('c'));
    expect(Journal.open(folder.name, question).rounds.map(({ suspect }) => suspect)).to.deep.equal(['a', 'b', 'c']);
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, 10));
    expect(Journal.open(folder.name, question).rounds).to.deep.equal([]);
  });

  it('refuses another question and says what differs, unless it may forget', () => {
    Journal.open(folder.name, question).add(round('a'));
    const told = refusal(() => Journal.open(folder.name, { search: 'builds', '--machine': 'pc-q35-6.0' }));
    expect(told)
      .to.include('--grep is ^slot there and not given here')
      .and.include('--machine is not given there and pc-q35-6.0 here')
      .and.include('--fresh')
      .and.not.include('search is');
    expect(Journal.open(folder.name, question).rounds).to.have.length(1);
    expect(Journal.open(folder.name, { search: 'commits' }, { fresh: true }).rounds).to.deep.equal([]);
    expect(refusal(() => Journal.open(folder.name, question))).to.include('search is commits there and builds here');
  });

  it('refuses what is no journal, and a folder that cannot be written', () => {
    writeFileSync(file, 'a diary\n');
    expect(refusal(() => Journal.open(folder.name, question))).to.include('is no journal of this Godwit');
    writeFileSync(file, `${JSON.stringify({ journal: 1, question })}\n{"suspect":"a"}\n`);
    expect(refusal(() => Journal.open(folder.name, question))).to.include('line 2 is no answer');
    expect(refusal(() => Journal.open(join(file, 'below'), question))).to.include('cannot be written');
  });
});
