import { GuestError } from '../../core/errors.js';
import { hex } from '../../core/hex.js';
import type { TreeNode } from '../../machine/device-tree.js';

/** What one call of ibm,configure-connector tells of the node of a connector. */
export type Told =
  | { kind: 'child' | 'sibling'; name: string }
  | { kind: 'property'; name: string; value: Buffer }
  | { kind: 'parent' | 'complete' };

/** Places of the work area that say where in it things are. Source: Power Architecture Platform Reference 2.7, 13.5.3.5. */
const at = { name: 8, length: 12, value: 16 };
/** The same place, statuses of the call; QEMU include/hw/ppc/spapr_drc.h, SpaprDRCCResponse. */
const statuses = { complete: 0, sibling: 1, child: 2, property: 3, parent: 4 };
const notConfigurable = -9003;

/** What the call has left in its work area. Throws GuestError where its status is none of those that tell something, and where what it tells is not in the area. */
export function readWorkArea(status: number, area: Buffer): Told {
  switch (status) {
    case statuses.complete:
      return { kind: 'complete' };
    case statuses.sibling:
      return { kind: 'sibling', name: textAt(area, area.readUInt32BE(at.name)) };
    case statuses.child:
      return { kind: 'child', name: textAt(area, area.readUInt32BE(at.name)) };
    case statuses.property:
      return propertyIn(area);
    case statuses.parent:
      return { kind: 'parent' };
    case notConfigurable:
      throw new GuestError('ibm,configure-connector answered -9003: the connector is isolated, or has nothing');
    default:
      throw new GuestError(`ibm,configure-connector answered ${status}`);
  }
}

/** What was told, for messages: "the property reg", "the parent". */
export function describeTold(told: Told): string {
  return 'name' in told ? `the ${told.kind} ${told.name}` : `the ${told.kind}`;
}

interface OpenNode {
  name: string;
  properties: Map<string, Buffer>;
  children: OpenNode[];
}

/** The node of which all was told. Throws GuestError where what was told is not one whole node. */
export function nodeOf(told: readonly Told[]): TreeNode {
  const above: OpenNode = { name: '', properties: new Map(), children: [] };
  const open = [above];
  for (const one of told) {
    const inner = open.at(-1) ?? above;
    if (one.kind === 'property') inner.properties.set(one.name, one.value);
    if (one.kind === 'parent' || one.kind === 'sibling') open.pop();
    if (one.kind === 'child' || one.kind === 'sibling') {
      const node: OpenNode = { name: one.name, properties: new Map(), children: [] };
      (open.at(-1) ?? above).children.push(node);
      open.push(node);
    }
  }
  // The last node ends with the call that says that all is complete.
  const names = open.slice(1).map(({ name }) => name);
  const [node] = above.children;
  if (node && above.children.length === 1 && names.length === 1 && told.at(-1)?.kind === 'complete') return node;
  throw new GuestError(
    `ibm,configure-connector ended in ${names.join('/') || 'no node'} instead of the node that it began`,
  );
}

function propertyIn(area: Buffer): Told {
  const name = textAt(area, area.readUInt32BE(at.name));
  const [from, length] = [area.readUInt32BE(at.value), area.readUInt32BE(at.length)];
  if (from + length <= area.length)
    return { kind: 'property', name, value: Buffer.from(area.subarray(from, from + length)) };
  throw new GuestError(
    `ibm,configure-connector left the property ${name} at ${hex(from)} of its work area, where there is no room for its ${length} bytes`,
  );
}

function textAt(area: Buffer, from: number): string {
  const end = area.indexOf(0, from);
  if (from < area.length && end >= 0) return area.toString('latin1', from, end);
  throw new GuestError(`ibm,configure-connector left a name at ${hex(from)} of its work area that does not end there`);
}
