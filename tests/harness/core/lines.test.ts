import { expect } from 'chai';
import fc from 'fast-check';
import { LineSplitter } from '../../../harness/core/lines.js';

function split(chunks: readonly Buffer[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

/** Cuts `bytes` at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
}

/** 1. However the bytes are cut, the lines are the same. 2. What comes after the last line feed is not lost, nor taken too early. */
describe('the line splitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    const line = fc.string({ unit: fc.constantFrom('a', '"', '\r', ' ', 'é', '€', '🐦', '\u2028') });
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat()), (lines, places) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
        const expected = lines.map((text) => text.replace(/\r$/, ''));
        expect(split(cut(bytes, places))).to.deep.equal(expected);
      }),
    );
  });

  it('puts a character together whose bytes come one by one', () => {
    const bytes = [...Buffer.from('{"name":"Pfuhlschnepfe 🐦"}\n')].map((byte) => Buffer.from([byte]));
    expect(split(bytes)).to.deep.equal(['{"name":"Pfuhlschnepfe 🐦"}']);
  });

  it('holds a line back until it is whole', () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    splitter.push(Buffer.from('one\ntw'));
    expect(lines).to.deep.equal(['one']);
    splitter.push(Buffer.from('o\n\nthree'));
    expect(lines).to.deep.equal(['one', 'two', '']);
    splitter.end();
    splitter.end();
    expect(lines).to.deep.equal(['one', 'two', '', 'three']);
  });
});
