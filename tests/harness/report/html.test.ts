import { parseXml, XmlElement, type XmlNode } from '@rgrove/parse-xml';
import { expect } from 'chai';
import fc from 'fast-check';
import { summarize } from '../../../harness/record/summary.js';
import { renderHtml } from '../../../harness/report/html.js';
import { printable } from '../../../harness/report/words.js';
import { anyEvents } from './any-run.js';
import { finished, started } from '../record/run.js';
import { planned, result, sampleRun, slotOutcome, at } from './sample.js';

/** Texts of all elements with that class, in the order of the document; the page is parsed as strict XML. */
function textsOf(page: string, className: string): string[] {
  const find = (node: XmlNode): string[] => {
    if (!('children' in node)) return [];
    const here =
      node instanceof XmlElement && (node.attributes['class'] ?? '').split(' ').includes(className) ? [node.text] : [];
    return [...here, ...(node.children as XmlNode[]).flatMap(find)];
  };
  return find(parseXml(page));
}

// 1. Any events make a page that a strict parser takes and that holds every cell.  2. Nothing comes from outside.
// 3. The worst cells come first and hold diagnosis, raw lines and registers.  4. Thousands of cells stay within a bound in size.
// 5. A difference outside configuration space stands in the same table, under its own name and with its words.
describe('report/html', () => {
  it('is well-formed and holds every cell, whatever the events hold', async () => {
    await fc.assert(
      fc.asyncProperty(anyEvents, async (events) => {
        const summary = await summarize(events);
        const page = [...renderHtml(summary)].join('');
        expect(textsOf(page, 'id')).to.have.members(summary.cells.map(({ cell }) => printable(cell.id)));
      }),
      { numRuns: 300 },
    );
  });

  it('shows state that is no register of configuration space', async () => {
    const { differences } = slotOutcome('deb:bookworm', 'deb:trixie');
    const place = { device: 'guest RAM', address: '', offset: 0x2000, register: 'page 0x2000', bits: [] };
    const lost = { ...slotOutcome('deb:bookworm', 'deb:trixie'), class: 'silent-difference' as const };
    const outcomes = [
      {
        ...lost,
        differences: [
          ...differences,
          { area: 'memory' as const, ...place, source: '0123456789abcdef', destination: 'zeroes' },
        ],
      },
    ];
    const cell = planned('lost', ['deb:bookworm', 'deb:trixie'], 'pc-q35-6.0');
    const events = [started([cell]), finished(cell.id, result({ verdict: 'failed', reason: 'lost', outcomes }))];
    const page = [...renderHtml(await summarize(events))].join('');
    const [table] = textsOf(page, 'data').filter((text) => text.includes('guest RAM'));
    expect(table).to.match(
      /slot1 \(00:05\.0\)Slot Status: PDS0x6e0x00x40.*guest RAMpage 0x20000x20000123456789abcdefzeroes/,
    );
  });

  it('needs nothing from outside and cannot be made to run a log line', async () => {
    const page = [...renderHtml(await summarize(sampleRun()))].join('');
    expect(page).to.not.match(/(src|href)="(?![#.])|url\(|@import/);
    expect(page.match(/<script/g)).to.have.length(1);
  });

  it('shows the worst first, with the diagnosis, the lines and the registers', async () => {
    const page = [...renderHtml(await summarize(sampleRun()))].join('');
    const [broken, failed] = textsOf(page, 'cell');
    expect(broken).to.match(/^broken .*never finished/);
    expect(failed)
      .to.match(/^failed .*PDS is 0 in the stream and 1 on the destination.*Bad config data: i=0x6e/s)
      .and.include('Slot Status: PDS');
    expect(page).to.include('href="./cells/4/"');
  });

  it('renders 5,000 cells in one go', async () => {
    const cells = Array.from({ length: 5000 }, (_, index) =>
      planned(`scenario-${index}`, ['a', 'b'], `q35-${index % 9}`),
    );
    const [start] = sampleRun();
    if (start?.event !== 'run-started') throw new Error('the sample does not begin with run-started');
    const summary = await summarize([
      { ...start, cells },
      ...cells.map(({ id }, index) => {
        const verdict = index % 10 === 0 ? 'failed' : 'passed';
        const of = result({ verdict, reason: `reason ${index % 3}` });
        return { event: 'cell-finished', at: at(index), cell: id, attempt: 1, retried: false, result: of } as const;
      }),
    ]);
    let length = 0;
    for (const piece of renderHtml(summary)) length += piece.length;
    expect(length).to.be.within(5000 * 200, 5000 * 3000);
  });
});
