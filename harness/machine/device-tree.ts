import { ProtocolError } from '../core/errors.js';
import { hex } from '../core/hex.js';

/** One node of a device tree. */
export interface TreeNode {
  /** With the unit address: "ethernet@0"; '' for the root. */
  name: string;
  /** Values as they stand in the tree: big-endian cells, strings that end in a zero. */
  properties: ReadonlyMap<string, Buffer>;
  children: readonly TreeNode[];
}

const magic = 0xd00dfeed;
const headerBytes = 40;
/** Where the header says where things are. Source: Devicetree Specification 0.4, 5.2. */
const header = { totalSize: 4, structure: 8, strings: 12, lastCompatible: 24, stringBytes: 32, structureBytes: 36 };
/** The version whose layout this is, and which later ones stay compatible with. */
const version = 16;
const tokens = { beginNode: 1, endNode: 2, property: 3, nothing: 4, end: 9 };
/** Nodes within nodes: QEMU's trees have fewer than ten. */
const deepest = 64;
/** The most that is believed of a header: QEMU's own limit for pseries is 2 MiB (hw/ppc/spapr.c, FDT_MAX_SIZE). */
const largestBytes = 16 * 1024 * 1024;

/** Bytes of a flattened device tree, by its first bytes. Throws ProtocolError for what is none. */
export function treeBytes(start: Buffer): number {
  if (start.length < headerBytes || start.readUInt32BE() !== magic) {
    throw wrong(`it begins with 0x${start.subarray(0, 4).toString('hex')} instead of ${hex(magic)}`);
  }
  const bytes = start.readUInt32BE(header.totalSize);
  if (bytes >= headerBytes && bytes <= largestBytes) return bytes;
  throw wrong(`it says that it has ${bytes} bytes`);
}

/** Reads a flattened device tree. Throws ProtocolError for what is none, or not whole. Source: Devicetree Specification 0.4, 5. */
export function readDeviceTree(blob: Buffer): TreeNode {
  const bytes = treeBytes(blob);
  if (blob.length < bytes) throw wrong(`it has ${blob.length} of ${bytes} bytes`);
  if (blob.readUInt32BE(header.lastCompatible) > version) {
    throw wrong(`it needs a reader of version ${blob.readUInt32BE(header.lastCompatible)}`);
  }
  const part = (place: number, size: number, what: string): Buffer => {
    const [from, length] = [blob.readUInt32BE(place), blob.readUInt32BE(size)];
    if (from + length > bytes) throw wrong(`its ${what} end behind it, at ${hex(from + length)}`);
    return blob.subarray(from, from + length);
  };
  return new StructureReader(
    part(header.structure, header.structureBytes, 'nodes'),
    part(header.strings, header.stringBytes, 'strings'),
  ).read();
}

/** The node at a path: "/rtas"; a name without its unit address is the first of that name. Undefined where there is none. */
export function nodeAt(root: TreeNode, path: string): TreeNode | undefined {
  const names = path.split('/').filter((name) => name !== '');
  return names.reduce<TreeNode | undefined>(
    (node, name) => node?.children.find((child) => child.name === name || child.name.split('@')[0] === name),
    root,
  );
}

/** The words of a property; undefined where the node has none of that name. Throws ProtocolError where it is not made of words. */
export function cellsOf(node: TreeNode, property: string): number[] | undefined {
  const value = node.properties.get(property);
  if (!value) return undefined;
  if (value.length % 4 !== 0) throw wrong(`${property} of ${node.name} has ${value.length} bytes and is to hold words`);
  return Array.from({ length: value.length / 4 }, (_, index) => value.readUInt32BE(4 * index));
}

class StructureReader {
  private next = 0;

  constructor(
    private readonly structure: Buffer,
    private readonly strings: Buffer,
  ) {}

  read(): TreeNode {
    if (this.token() !== tokens.beginNode) throw wrong('it does not begin with a node');
    const root = this.node(0);
    if (this.token() !== tokens.end) throw wrong(`more follows its root, at ${hex(this.next)}`);
    return root;
  }

  private node(depth: number): TreeNode {
    if (depth > deepest) throw wrong(`its nodes lie more than ${deepest} deep`);
    const name = this.text(this.structure, this.next);
    this.skip(name.length + 1);
    const properties = new Map<string, Buffer>();
    const children: TreeNode[] = [];
    for (;;) {
      const token = this.token();
      if (token === tokens.endNode) return { name, properties, children };
      if (token === tokens.beginNode) children.push(this.node(depth + 1));
      else if (token === tokens.property) this.property(properties);
      else throw wrong(`${hex(token)} at ${hex(this.next - 4)} begins neither node nor property`);
    }
  }

  private property(into: Map<string, Buffer>): void {
    const [length, nameAt] = [this.word(), this.word()];
    const from = this.next;
    this.skip(length);
    into.set(this.text(this.strings, nameAt), this.structure.subarray(from, from + length));
  }

  private token(): number {
    let token = this.word();
    while (token === tokens.nothing) token = this.word();
    return token;
  }

  private word(): number {
    const from = this.next;
    this.skip(4);
    return this.structure.readUInt32BE(from);
  }

  /** Everything begins at a multiple of four bytes. */
  private skip(bytes: number): void {
    const end = this.next + Math.ceil(bytes / 4) * 4;
    if (end > this.structure.length) throw wrong(`its nodes are cut off at ${hex(this.structure.length)}`);
    this.next = end;
  }

  private text(block: Buffer, from: number): string {
    const end = block.indexOf(0, from);
    if (from >= block.length || end < 0) throw wrong(`a name at ${hex(from)} does not end`);
    return block.toString('latin1', from, end);
  }
}

function wrong(why: string): ProtocolError {
  return new ProtocolError(`this is no device tree: ${why}`);
}
