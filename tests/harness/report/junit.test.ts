import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseXml, XmlElement, type XmlNode } from '@rgrove/parse-xml';
import { expect } from 'chai';
import fc from 'fast-check';
import tmp from 'tmp';
import { summarize } from '../../../harness/record/summary.js';
import { JunitReporter, renderJunit } from '../../../harness/report/junit.js';
import { printable } from '../../../harness/report/words.js';
import { anyEvents } from './any-run.js';
import { expectGolden } from './golden.js';
import { at, planned, result, sampleRun } from './sample.js';

/** All elements of that name, in the order of the document. */
function elements(node: XmlNode, name: string): XmlElement[] {
  if (!('children' in node)) return [];
  const here = node instanceof XmlElement && node.name === name ? [node] : [];
  return [...here, ...(node.children as XmlNode[]).flatMap((child) => elements(child, name))];
}

// 1. The report of a run with every verdict, line by line.  2. Any events make well-formed XML that names every cell exactly.
// 3. A log line may hold anything.  4. The file appears whole, with nothing beside it; a folder that cannot be written is named.
describe('report/junit', () => {
  it('writes a suite for each scenario and a case for each planned cell', async () => {
    const summary = await summarize(sampleRun());
    const xml = [...renderJunit(summary)].join('');
    expectGolden('junit.xml', xml);
    const document = parseXml(xml);
    expect(elements(document, 'testsuite').map(({ attributes }) => attributes['name'])).to.deep.equal([
      'slot-power-off',
      'hotplug-virtio-net',
      'reset-on-the-way',
    ]);
    const names = elements(document, 'testcase').map(({ attributes }) => attributes['name']);
    expect(names).to.have.members(summary.cells.map(({ cell }) => cell.id));
    expect(document.root?.attributes).to.include({ tests: '33', failures: '2', errors: '1', skipped: '10' });
  });

  it('is well-formed and names every cell, whatever the events hold', async () => {
    await fc.assert(
      fc.asyncProperty(anyEvents, async (events) => {
        const summary = await summarize(events);
        const document = parseXml([...renderJunit(summary)].join(''));
        const names = elements(document, 'testcase').map(({ attributes }) => attributes['name']);
        expect(names).to.have.members(summary.cells.map(({ cell }) => printable(cell.id)));
      }),
      { numRuns: 300 },
    );
  });

  it('spells out the control characters of a log line', async () => {
    const cell = planned('log', ['a', 'b'], 'q35');
    const reason = 'said \u001b[31m<red> & ]]> \u0000\ud800';
    const events = sampleRun()
      .slice(0, 1)
      .map((event) => ({ ...event, cells: [cell] }));
    const failed = result({ verdict: 'failed', reason });
    const summary = await summarize([
      ...events,
      { event: 'cell-finished', at: at(1), cell: cell.id, attempt: 1, retried: false, result: failed },
    ]);
    const [failure] = elements(parseXml([...renderJunit(summary)].join('')), 'failure');
    expect(failure?.text).to.equal('said \\x1b[31m<red> & ]]> \\x00\\ud800');
    expect(failure?.attributes['message']).to.equal(failure?.text);
    expect(failure?.attributes['type']).to.equal('failed');
  });

  it('puts the file into the output folder, whole', async () => {
    const { name: folder, removeCallback } = tmp.dirSync({ unsafeCleanup: true });
    try {
      const context = { folder, output: { write: () => true }, env: {}, live: false };
      const summary = await summarize(sampleRun());
      await new JunitReporter(context).close(summary);
      expect(readdirSync(folder)).to.deep.equal(['junit.xml']);
      expect(readFileSync(join(folder, 'junit.xml'), 'utf8')).to.equal([...renderJunit(summary)].join(''));
      const nowhere = new JunitReporter({ ...context, folder: join(folder, 'nowhere') });
      const thrown: unknown = await nowhere.close(summary).catch((error: unknown) => error);
      expect(thrown).to.include({ code: 'usage' }).and.have.property('message').that.includes('nowhere/junit.xml');
    } finally {
      removeCallback();
    }
  });
});
