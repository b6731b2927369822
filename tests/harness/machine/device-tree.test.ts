import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { ProtocolError } from '../../../harness/core/errors.js';
import { cellsOf, nodeAt, readDeviceTree, treeBytes, type TreeNode } from '../../../harness/machine/device-tree.js';
import { launchPseries, startRtas } from '../guest/rtas/stage.js';
import { Launchpad } from '../support/launchpad.js';

/**
 * 1. QEMU's own trees are read: nodes by their paths, words of properties.
 * 2. What a guest was given at reset says what QEMU itself writes down of its tree.
 * 3. What is no tree, or not whole, is a ProtocolError, whatever is wrong with it.
 */
describe('device trees', function () {
  this.timeout(60_000);
  let blob: Buffer;

  before(async () => {
    await using pad = new Launchpad();
    const { qmp } = await launchPseries(pad);
    await qmp.execute('dumpdtb', { filename: join(pad.folder, 'tree') });
    blob = readFileSync(join(pad.folder, 'tree'));
  });

  it('of QEMU are read', () => {
    const tree = readDeviceTree(blob);
    expect(tree.name).to.equal('');
    expect(nodeAt(tree, '/')?.properties.get('compatible')?.toString()).to.match(/^qemu,pseries\0/);
    const rtas = nodeAt(tree, '/rtas');
    expect(rtas && cellsOf(rtas, 'ibm,change-msi')).to.deep.equal([0x2019]);
    expect(nodeAt(tree, '/pci/pci@3/ethernet@3')?.name).to.equal('ethernet@3');
    expect(nodeAt(tree, '/pci@800000020000000')).to.equal(nodeAt(tree, '/pci'));
    expect(nodeAt(tree, '/nowhere/at/all')).to.equal(undefined);
    expect(rtas && cellsOf(rtas, 'nothing')).to.equal(undefined);
    expect(() => cellsOf(tree, 'model')).to.throw(ProtocolError, /^this is no device tree: model of {2}has \d+ bytes/);
  });

  it('of guests are those that QEMU writes down', async () => {
    await using pad = new Launchpad();
    await using guest = await startRtas(pad);
    const path = join(pad.folder, 'tree');
    await guest.machine.qmp.execute('dumpdtb', { filename: path });
    const names = (node: TreeNode): string[] => [
      ...[...node.properties.keys()].map((name) => `${node.name}:${name}`),
      ...node.children.flatMap(names),
    ];
    const written = readDeviceTree(readFileSync(path));
    expect(names(guest.deviceTree)).to.deep.equal(names(written));
    expect(names(written).length).to.be.above(200);
  });

  it('that are none are told', () => {
    const spoilt = (offset: number, word: number): Buffer => {
      const copy = Buffer.from(blob);
      copy.writeUInt32BE(word, offset);
      return copy;
    };
    const structure = blob.readUInt32BE(8);
    const wrong: [bytes: Buffer, message: RegExp][] = [
      [Buffer.alloc(0), /it begins with 0x instead of 0xd00dfeed/],
      [spoilt(0, 0x1234), /it begins with 0x00001234/],
      [spoilt(4, 39), /it says that it has 39 bytes/],
      [spoilt(4, 0xffffffff), /it says that it has 4294967295 bytes/],
      [blob.subarray(0, -1), /it has \d+ of \d+ bytes/],
      [spoilt(24, 17), /it needs a reader of version 17/],
      [spoilt(8, 0xfffffff0), /its nodes end behind it/],
      [spoilt(12, 0xfffffff0), /its strings end behind it/],
      [spoilt(structure, 9), /it does not begin with a node/],
      [spoilt(structure + 8, 7), /0x7 at 0x8 begins neither node nor property/],
      [spoilt(structure + 12, 0x7fffffff), /its nodes are cut off/],
      [spoilt(structure + 16, 0x7fffffff), /a name at 0x7fffffff does not end/],
      [spoilt(36, blob.length), /its nodes end behind it/],
      [nested(3), /its nodes are cut off at 0x18/],
      [nested(70), /its nodes lie more than 64 deep/],
    ];
    for (const [bytes, message] of wrong) expect(() => readDeviceTree(bytes)).to.throw(ProtocolError, message);
    expect(() => treeBytes(Buffer.alloc(10))).to.throw(ProtocolError);
  });

  it('with any wrong bytes are read or told', () => {
    const change = fc.tuple(fc.nat(blob.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const copy = Buffer.from(blob);
        for (const [at, value] of changes) copy[at] = value;
        try {
          readDeviceTree(copy);
        } catch (thrown) {
          expect(thrown).to.be.an.instanceOf(ProtocolError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** A tree of so many nodes, each in the one before, which do not end. */
function nested(depth: number): Buffer {
  const structure = Buffer.alloc(8 * depth);
  for (let node = 0; node < depth; node += 1) structure.writeUInt32BE(1, 8 * node);
  const header = Buffer.alloc(40);
  [0xd00dfeed, 40 + structure.length, 40, 40, 40, 17, 16, 0, 0, structure.length].forEach((word, index) =>
    header.writeUInt32BE(word, 4 * index),
  );
  return Buffer.concat([header, structure]);
}
