import { expect } from 'chai';
import fc from 'fast-check';
import { WalkLaw } from '../../../../harness/guest/payload/walk.js';

const seed = Date.now() % 1_000_000;
const pageBytes = 4096;
const first = 0x100000;
const wordAt = 0x8010;

interface State {
  pages: number;
  round: number;
  /** Whole pages of the round, and quadwords of it in the page after them. */
  done: number;
  split: number;
}

const state: fc.Arbitrary<State> = fc
  .record({
    pages: fc.integer({ min: 2, max: 24 }),
    round: fc.integer({ min: 1, max: 500 }),
    at: fc.nat(),
    split: fc.nat(512),
  })
  .map(({ pages, round, at, split }) => ({ pages, round, done: at % pages, split }));

function value(page: number, round: number): bigint {
  return round === 0 ? 0n : (BigInt(first / pageBytes + page) << 32n) | BigInt(round);
}

/** Memory of the range as the walk leaves it. */
function memoryOf({ pages, round, done, split }: State): Buffer {
  const memory = Buffer.alloc(pages * pageBytes);
  for (let at = 0; at < memory.length; at += 8) {
    const page = Math.floor(at / pageBytes);
    const isNew = page < done || (page === done && (at % pageBytes) / 8 < split);
    memory.writeBigUInt64LE(value(page, isNew ? round : round - 1), at);
  }
  return memory;
}

/** The verdict over memory that comes in pieces; pages of zeroes are left out, as by whoever reads it. */
function judge({ done, round, pages }: State, memory: Buffer, piecePages = 3) {
  const law = new WalkLaw({ first, bytes: pages * pageBytes }, wordAt);
  const low = Buffer.alloc(16 * pageBytes);
  low.writeBigUInt64LE(value(done, round), wordAt);
  law.take(0, low);
  for (let at = 0; at < memory.length; at += piecePages * pageBytes) {
    const piece = memory.subarray(at, at + piecePages * pageBytes);
    if (piece.some((byte) => byte !== 0)) law.take(first + at, piece);
  }
  law.take(first + memory.length, Buffer.alloc(pageBytes, 0xee));
  return law.verdict();
}

/**
 * 1. Every state that the walk leaves is lawful, in whatever pieces it is read.
 * 2. One changed byte, one page in another's place, one page of another round is not, and is told with its address.
 * 3. Memory that is lawful and older than the guest is not.
 * 4. Much that is wrong is counted, and a part of it is told.
 */
describe(`the law of the walk (seed ${seed})`, () => {
  it('holds for what the walk leaves', () => {
    fc.assert(
      fc.property(state, fc.integer({ min: 1, max: 30 }), (walked, piecePages) => {
        expect(judge(walked, memoryOf(walked), piecePages)).to.deep.equal({ pages: [], count: 0 });
      }),
      { seed },
    );
  });

  it('finds one changed byte', () => {
    fc.assert(
      fc.property(state, fc.nat(), fc.integer({ min: 1, max: 0xff }), (walked, at, difference) => {
        const memory = memoryOf(walked);
        const offset = at % memory.length;
        const quadword = Math.floor(offset / 8) * 8;
        const page = Math.floor(offset / pageBytes);
        memory[offset] = (memory[offset] ?? 0) ^ difference;
        // One quadword more or less of the round is as good.
        fc.pre(
          page !== walked.done ||
            ![0, 1].some((less) => memory.readBigUInt64LE(quadword) === value(page, walked.round - less)),
        );
        const { pages, count } = judge(walked, memory);
        expect(count).to.equal(1);
        expect(pages[0]?.address).to.equal(first + page * pageBytes);
        // Where two rounds can be, which of them a byte belongs to is a guess.
        const [found = NaN, exact] = [pages[0]?.wrongAt, page !== walked.done];
        expect(exact ? found : Math.floor(found / 8) * 8).to.equal(first + (exact ? offset : quadword));
        expect(pages[0]?.summary).to.include(`is wrong at 0x${found.toString(16)}, in a quadword that holds`);
      }),
      { seed },
    );
  });

  it('finds a page in the place of another, and a page of another round', () => {
    fc.assert(
      fc.property(state, fc.nat(), fc.integer({ min: 1, max: 9 }), (walked, at, older) => {
        const page = at % walked.pages;
        const swapped = memoryOf(walked);
        const next = (page + 1) % walked.pages;
        swapped.copy(swapped, page * pageBytes, next * pageBytes, (next + 1) * pageBytes);
        // Before round 1 all pages are alike, and the walker's own may still be as it was then.
        const alike = walked.round === 1 && page === walked.done;
        if (!alike && !swapped.equals(memoryOf(walked)))
          expect(judge(walked, swapped).pages[0]?.address).to.equal(first + page * pageBytes);
        const round = Math.max(0, walked.round - 1 - older);
        fc.pre(round < walked.round - 1);
        const stale = memoryOf(walked);
        for (let quadword = 0; quadword < 512; quadword += 1)
          stale.writeBigUInt64LE(value(page, round), page * pageBytes + quadword * 8);
        expect(judge(walked, stale).pages[0]?.address).to.equal(first + page * pageBytes);
      }),
      { seed },
    );
  });

  it('finds memory that is older than the guest', () => {
    const now: State = { pages: 8, round: 7, done: 5, split: 0 };
    const { pages, count } = judge(now, memoryOf({ ...now, done: 3 }));
    expect(count).to.equal(2);
    expect(pages.map(({ summary }) => summary)).to.deep.equal([
      'page 0x103000 is wrong at 0x103000, in a quadword that holds 0x0000010300000006; the walk has left 0x0000010300000007 (round 7) there',
      'page 0x104000 is wrong at 0x104000, in a quadword that holds 0x0000010400000006; the walk has left 0x0000010400000007 (round 7) there',
    ]);
  });

  it('finds a page that only begins well, and one that was lost', () => {
    const now: State = { pages: 8, round: 7, done: 7, split: 0 };
    const memory = memoryOf(now);
    for (let quadword = 1; quadword < 512; quadword += 1)
      memory.writeBigUInt64LE(value(2, 6), 2 * pageBytes + quadword * 8);
    memory.fill(0, 4 * pageBytes, 5 * pageBytes);
    expect(judge(now, memory, 1).pages.map(({ wrongAt }) => wrongAt)).to.deep.equal([0x102008, 0x104000]);
  });

  it('tells both that can be where the walker is', () => {
    const now: State = { pages: 8, round: 7, done: 5, split: 9 };
    const memory = memoryOf(now);
    memory[5 * pageBytes + 0x1003] = 0;
    memory[5 * pageBytes + 3] = 0x41;
    expect(judge(now, memory).pages.map(({ summary }) => summary)).to.deep.equal([
      'page 0x105000 is wrong at 0x105003, in a quadword that holds 0x0000010541000007; the walk can have left 0x0000010500000007 (round 7) or 0x0000010500000006 (round 6) there',
    ]);
  });

  it('counts what it does not tell', () => {
    const now: State = { pages: 400, round: 3, done: 0, split: 0 };
    const { pages, count } = judge(now, Buffer.alloc(400 * pageBytes));
    expect([pages.length, count]).to.deep.equal([16, 400]);
  });

  it('says so when the walker cannot be where it says', () => {
    for (const word of [0n, 5n, value(0, 0), value(-1, 3), value(4, 3)]) {
      const law = new WalkLaw({ first, bytes: 4 * pageBytes }, wordAt);
      const low = Buffer.alloc(16 * pageBytes);
      low.writeBigUInt64LE(word, wordAt);
      if (word !== 0n) law.take(0, low);
      law.take(first, Buffer.alloc(4 * pageBytes, 1));
      const { pages, count } = law.verdict();
      expect([count, pages[0]?.wrongAt]).to.deep.equal([1, wordAt]);
      expect(pages[0]?.summary).to.include('which is no page from 0x100000 to 0x104000 in any round');
    }
  });

  it('takes well under a second for 256 MiB', () => {
    const pages = 65536;
    const memory = memoryOf({ pages: 256, round: 2, done: 256, split: 0 });
    const law = new WalkLaw({ first, bytes: pages * pageBytes }, wordAt);
    const low = Buffer.alloc(16 * pageBytes);
    low.writeBigUInt64LE(value(pages - 1, 2), wordAt);
    law.take(0, low);
    for (let page = 0; page < pages; page += 256) law.take(first + page * pageBytes, memory);
    expect(law.verdict().count).to.equal(pages - 256);
  });
});
