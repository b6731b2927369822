import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { parse } from 'yaml';
import { z } from 'zod';
import { diagnose } from '../../../harness/diagnosis/diagnose.js';
import { type ErrorLine, parseErrorLines } from '../../../harness/diagnosis/error-lines.js';
import { channelMessages } from '../../../harness/diagnosis/messages/channel.js';
import { deviceMessages } from '../../../harness/diagnosis/messages/devices.js';
import { refusalMessages } from '../../../harness/diagnosis/messages/refusals.js';
import { stateMessages } from '../../../harness/diagnosis/messages/state.js';
import { streamMessages } from '../../../harness/diagnosis/messages/stream.js';
import { type Message, ruleOf, taughtKinds } from '../../../harness/diagnosis/messages/template.js';

const corpus = z
  .array(z.strictObject({ line: z.string(), from: z.string(), gives: z.array(z.record(z.string(), z.unknown())) }))
  .parse(parse(readFileSync(new URL('messages.yaml', import.meta.url), 'utf8')));

const all: readonly Message[] = [
  ...streamMessages,
  ...channelMessages,
  ...deviceMessages,
  ...refusalMessages,
  ...stateMessages,
];

function factsOf(line: ErrorLine): Record<string, unknown> {
  const { line: _line, continued: _continued, ...facts } = line;
  if (!('meaning' in facts)) return facts;
  const { meaning: _meaning, values, ...others } = facts;
  return { ...others, ...values };
}

// 1. Every line of the corpus gives its messages, whatever program and time stand before it, and is told in words.
// 2. The corpus has every sort of message, and a meaning names only what its wording has.
// 3. Placeholders, choices and special characters of wordings mean what they say.
describe('messages', () => {
  for (const { line, from, gives } of corpus) {
    it(`reads ${line.slice(0, 80)} (${from})`, () => {
      expect(parseErrorLines(`qemu-system-x86_64: ${line}`).map(factsOf)).to.deep.equal(gives);
      expect(parseErrorLines(`2026-03-01T10:00:00.123456Z kvm: ${line}`).map(factsOf)).to.deep.equal(gives);
      const [finding] = diagnose('destination', line);
      expect(finding?.kind).to.not.equal('undiagnosed');
      expect(finding?.summary).to.not.match(/\{\w+\}/);
    });
  }

  it('has lines of every sort', () => {
    const seen = new Set(corpus.flatMap(({ gives }) => gives.map(({ kind }) => kind)));
    const elsewhere = ['vfio-user', 'vfio-user-note', 'mapped-ram'];
    expect(taughtKinds.filter((kind) => !seen.has(kind) && !elsewhere.includes(kind))).to.deep.equal([]);
  });

  it('names in a meaning only what the wording has', () => {
    for (const [, wording, meaning] of all) {
      const names = [...wording.matchAll(/\{(\w+)/g)].map(([, name]) => name);
      for (const [, name] of meaning.matchAll(/\{(\w+)\}/g)) expect(names, wording).to.include(name);
    }
  });

  it('takes placeholders for what they are', () => {
    const { pattern, fields } = ruleOf(['channel', 'a.b [x {n#}|y {h%}] ({word@}): {text} end {rest*}', '{n}/{text}']);
    const match = pattern.exec('a.b x -12 (w): some thing end of: all');
    expect(fields(match?.groups ?? {})).to.deep.equal({
      kind: 'channel',
      meaning: '-12/some thing',
      values: { n: -12, word: 'w', text: 'some thing', rest: 'of: all' },
    });
    expect(pattern.test('aXb x 1 (w): t end r')).to.equal(false);
    expect(ruleOf(['ram', 'lost {section}', '']).pattern.exec('lost pc.ram: really')?.[0]).to.equal('lost pc.ram');
  });

  it('takes a function that loads or saves for what it is, where no wording fits', () => {
    const [finding] = diagnose('destination', 'qemu-system-x86_64: frob_post_load: gears of sort 3 are worn: really');
    expect(finding).to.deep.include({
      kind: 'device-state',
      summary: 'frob_post_load() could not load the state of its device: gears of sort 3 are worn: really',
    });
    expect(diagnose('source', 'frob_pre_save: no gears')[0]?.summary).to.contain('could not save');
    expect(diagnose('source', 'frob_payload: no gears')[0]?.kind).to.equal('undiagnosed');
    expect(diagnose('source', 'ram_load: Failed to load XBZRLE page - decode error!')[0]?.kind).to.equal('ram');
  });

  it('gives words for any values', () => {
    fc.assert(
      fc.property(fc.constantFrom(...all), fc.string({ minLength: 1 }), (message, value) => {
        const { fields } = ruleOf(message);
        const names = [...message[1].matchAll(/\{(\w+)/g)].map(([, name = '']) => name);
        const taught = fields(Object.fromEntries(names.map((name) => [name, value])));
        expect(taught.kind).to.equal(message[0]);
        expect(taught.meaning).to.not.equal('');
      }),
    );
  });
});
