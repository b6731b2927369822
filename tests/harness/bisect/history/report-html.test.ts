import { parseXml, XmlElement } from '@rgrove/parse-xml';
import { expect } from 'chai';
import { renderSearch } from '../../../../harness/bisect/history/report-html.js';
import type { SearchReport, ToldPlace } from '../../../../harness/bisect/history/report.js';

const asked = (title: string, answer: 'good' | 'bad' | 'skip', [step, unasked]: [number, number]): ToldPlace => ({
  ...{ name: title, title, answer, reason: '', step, unasked },
});

const places: [ToldPlace, ToldPlace, ToldPlace, ToldPlace] = [
  asked('0a "older & <b>bold</b>"', 'bad', [2, 0]),
  asked('1b "does not compile"', 'skip', [3, 4]),
  asked('2c "the fix"', 'good', [4, 0]),
  asked('3d "newest"', 'good', [1, 2]),
];

const [oldest, , fix, newest] = places;
const report: SearchReport = {
  ...{ search: 'commits', change: 'fix', first: fix, before: [], possible: [], ends: { good: newest, bad: oldest } },
  certainty: { passes: 1, failed: 5, played: 5, rate: 1, confidence: 0.99, told: false },
  ...{ steps: [], places, rounds: { played: 8, remembered: 0 }, cellsPlayed: 8, durationMs: 1000, check: 'godwit run' },
};

/** 1. The history as a line: every answer in its place, what was not asked between, the first marked.  2. Whatever a subject holds, the page is well-formed. */
describe('the page of a search', () => {
  it('draws the history with its answers, oldest first', () => {
    const { root } = parseXml([...renderSearch(report)].join('').replace('<!DOCTYPE html>\n', ''));
    const list = descendants(root).find((element) => element.attributes['class'] === 'line');
    const items = list?.children.filter((child) => child instanceof XmlElement) ?? [];
    expect(items.map(({ text }) => text)).to.deep.equal([
      'bad 0a "older & <b>bold</b>"step 2',
      '… 4 not asked …',
      'skip 1b "does not compile"step 3',
      'good 2c "the fix"step 4',
      '… 2 not asked …',
      'good 3d "newest"step 1',
    ]);
    const first = items.filter(({ attributes }) => attributes['class']?.split(' ').includes('first'));
    expect(first.map(({ text }) => text)).to.deep.equal(['good 2c "the fix"step 4']);
  });

  it('says so where the first is not known', () => {
    const { first: _, ...unknown } = report;
    expect([...renderSearch(unknown)].join('')).to.include('<h1>Godwit: the first that passes</h1>');
  });
});

function descendants(element: XmlElement | null): XmlElement[] {
  const children = element?.children.filter((child) => child instanceof XmlElement) ?? [];
  return children.flatMap((child) => [child, ...descendants(child)]);
}
