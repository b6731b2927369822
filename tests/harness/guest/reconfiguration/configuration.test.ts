import { expect } from 'chai';
import fc from 'fast-check';
import { GuestError } from '../../../../harness/core/errors.js';
import { nodeOf, readWorkArea, type Told } from '../../../../harness/guest/reconfiguration/configuration.js';
import type { TreeNode } from '../../../../harness/machine/device-tree.js';

const name = fc.stringMatching(/^[a-z,#-]{1,8}$/);
const properties = fc
  .uniqueArray(fc.tuple(name, fc.uint8Array({ maxLength: 8 })), { selector: ([key]) => key, maxLength: 3 })
  .map((all) => new Map(all.map(([key, value]) => [key, Buffer.from(value)] as const)));

/** Nodes with so many generations below them at most. */
function nodes(generations: number): fc.Arbitrary<TreeNode> {
  const children = generations === 0 ? fc.constant([]) : fc.array(nodes(generations - 1), { maxLength: 2 });
  return fc.record({ name, properties, children });
}

/** What QEMU tells of a node: it goes back to the parent before the next child, and says that all is complete where the node ends. */
function toldOf(node: TreeNode): Told[] {
  const inner = (one: TreeNode): Told[] => [
    { kind: 'child', name: one.name },
    ...Array.from(one.properties, ([key, value]): Told => ({ kind: 'property', name: key, value })),
    ...one.children.flatMap((child): Told[] => [...inner(child), { kind: 'parent' }]),
  ];
  return [...inner(node), { kind: 'complete' }];
}

function area(words: Readonly<Record<number, number>>, text: Readonly<Record<number, string>> = {}): Buffer {
  const bytes = Buffer.alloc(4096);
  for (const [at, word] of Object.entries(words)) bytes.writeUInt32BE(word, Number(at));
  for (const [at, written] of Object.entries(text)) bytes.write(written, Number(at), 'latin1');
  return bytes;
}

/**
 * 1. Every kind of answer of ibm,configure-connector is read from its work area; a status that tells nothing, and what is not in the area, is a
 * GuestError.
 * 2. A node that was told whole is that node; one that ends where it should not is a GuestError that says where.
 */
describe('ibm,configure-connector', () => {
  it('tells through its work area', () => {
    expect(readWorkArea(2, area({ 8: 20 }, { 20: 'usb@5' }))).to.deep.equal({ kind: 'child', name: 'usb@5' });
    expect(readWorkArea(1, area({ 8: 20 }, { 20: 'usb@6' }))).to.deep.equal({ kind: 'sibling', name: 'usb@6' });
    const property = area({ 8: 20, 12: 4, 16: 24 }, { 20: 'reg\0abcdef' });
    expect(readWorkArea(3, property)).to.deep.equal({ kind: 'property', name: 'reg', value: Buffer.from('abcd') });
    expect(readWorkArea(4, area({}))).to.deep.equal({ kind: 'parent' });
    expect(readWorkArea(0, area({}))).to.deep.equal({ kind: 'complete' });
    expect(() => readWorkArea(-9003, area({}))).to.throw(GuestError, /answered -9003: the connector is isolated/);
    expect(() => readWorkArea(-1, area({}))).to.throw(GuestError, /answered -1$/);
    expect(() => readWorkArea(2, area({ 8: 5000 }))).to.throw(GuestError, /left a name at 0x1388/);
    const full = { 8: 20, 12: 96, 16: 4000 };
    expect(readWorkArea(3, area(full, { 20: 'reg' })))
      .to.have.property('value')
      .with.length(96);
    for (const past of [{ 12: 97 }, { 16: 4001 }, { 12: 0xffffffff }, { 12: 0, 16: 4097 }]) {
      const cut = (): Told => readWorkArea(3, area({ ...full, ...past }, { 20: 'reg' }));
      expect(cut, JSON.stringify(past)).to.throw(GuestError, /left the property reg at 0x\w+ of its work area, where/);
    }
    expect(() => readWorkArea(2, area({ 8: 4095 }, { 4095: 'x' }))).to.throw(GuestError, /left a name at 0xfff/);
  });

  it('tells whole nodes', () => {
    fc.assert(
      fc.property(nodes(3), (node) => {
        expect(nodeOf(toldOf(node))).to.deep.equal(node);
      }),
    );
    const siblings: Told[] = [
      { kind: 'child', name: 'a' },
      { kind: 'child', name: 'b' },
      { kind: 'sibling', name: 'c' },
      { kind: 'parent' },
      { kind: 'complete' },
    ];
    expect(nodeOf(siblings).children.map((child) => child.name)).to.deep.equal(['b', 'c']);
  });

  it('tells of nothing else', () => {
    const whole = toldOf({ name: 'usb@5', properties: new Map(), children: [] });
    const cases: [told: Told[], message: RegExp][] = [
      [[], /ended in no node/],
      [[{ kind: 'complete' }], /ended in no node/],
      [whole.slice(0, -1), /ended in usb@5 /],
      [[...whole.slice(0, 1), ...whole], /ended in usb@5\/usb@5 /],
      [[...whole.slice(0, 1), { kind: 'parent' }, { kind: 'complete' }], /ended in no node/],
      [[...whole.slice(0, 1), { kind: 'sibling', name: 'usb@6' }, { kind: 'complete' }], /ended in usb@6 /],
    ];
    for (const [told, message] of cases) expect(() => nodeOf(told)).to.throw(GuestError, message);
  });
});
