import { expect } from 'chai';
import fc from 'fast-check';
import { MarkerReader, type Token } from '../../../../../harness/guest/linux/session/markers.js';

function read(chunks: readonly string[]): Token[] {
  const reader = new MarkerReader();
  const tokens: Token[] = [];
  for (const token of chunks.flatMap((chunk) => reader.push(Buffer.from(chunk, 'latin1')))) {
    const last = tokens.at(-1);
    if (token.kind === 'text' && last?.kind === 'text') last.bytes += token.bytes;
    else tokens.push({ ...token });
  }
  return tokens;
}

const piece = fc.oneof(
  fc.constantFrom('\x1et\n', '\x1et\r\n', '\x1eshell\n', '\x1eg1x2<\n', '\x1eg1x2>127\r\n', '\x1eg1x3!\n'),
  fc.constantFrom('\x1e', '\x1et', '\x1eg1x2>', 'a line\n', '\x1e\x1e', '\r\n', '\xff\x00'),
);

/**
 * 1. Markers are found wherever they stand, between the letters of a word and with a carriage return; what only looks like one is text.
 * 2. It makes no difference where the chunks are cut.
 */
describe('markers in what comes from a shell', () => {
  it('are taken out of the text', () => {
    const said = 'ec\x1et\nho\r\n\x1eg1x2<\nab\x1et\r\nc\x1eg1x2>3\nrest\x1eshell\n';
    expect(read([said])).to.deep.equal([
      { kind: 'text', bytes: 'ec' },
      { kind: 'tick' },
      { kind: 'text', bytes: 'ho\r\n' },
      { kind: 'begin', id: 'g1x2', translated: false },
      { kind: 'text', bytes: 'ab' },
      { kind: 'tick' },
      { kind: 'text', bytes: 'c' },
      { kind: 'end', id: 'g1x2', status: 3 },
      { kind: 'text', bytes: 'rest' },
      { kind: 'greeting' },
    ]);
    expect(read(['\x1eg1x2<\r\n'])).to.deep.equal([{ kind: 'begin', id: 'g1x2', translated: true }]);
    expect(read(["printf '\\036t\\n'", '\x1e!\n', '\x1eG<\n', '\x1e>1\n'])).to.deep.equal([
      { kind: 'text', bytes: "printf '\\036t\\n'\x1e!\n\x1eG<\n\x1e>1\n" },
    ]);
  });

  it('are the same however the chunks are cut', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), fc.array(fc.nat(30)), (pieces, cuts) => {
        const whole = `${pieces.join('')}.`;
        const chunks: string[] = [];
        let at = 0;
        for (const cut of cuts) chunks.push(whole.slice(at, (at += cut)));
        chunks.push(whole.slice(at));
        expect(read(chunks)).to.deep.equal(read([whole]));
      }),
    );
  });

  it('are not waited for without end', () => {
    const start = `\x1e${'a'.repeat(100)}`;
    expect(read([start.slice(0, 50), start.slice(50)])).to.deep.equal([{ kind: 'text', bytes: start }]);
  });
});
