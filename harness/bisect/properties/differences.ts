import type { QomObject } from './object-tree.js';
import type { PropertyPiece } from './property-piece.js';

const machinePath = '/machine';

/**
 * The properties of which objects of two machines have different values: each once for all objects of a type, devices in the order in which the
 * failing machine has them, then the machine's own. Objects are the same when they are at the same place among those of their type.
 */
export function differencesOf(bad: readonly QomObject[], good: readonly QomObject[]): PropertyPiece[] {
  const counterparts = byPlace(good);
  const pieces = new Map<string, PropertyPiece>();
  for (const [place, object] of byPlace(bad)) {
    const counterpart = counterparts.get(place);
    const of = object.path === machinePath ? 'machine' : 'device';
    if (!counterpart || !(object.isDevice || of === 'machine')) continue;
    for (const [property, value] of object.properties) {
      const other = counterpart.properties.get(property);
      const key = `${object.type} ${property}`;
      if (other === undefined || other === value || pieces.has(key)) continue;
      pieces.set(key, { of, driver: object.type, property, bad: value, good: other });
    }
  }
  const rank = ({ of }: PropertyPiece): number => (of === 'machine' ? 1 : 0);
  return [...pieces.values()].sort((a, b) => rank(a) - rank(b));
}

/** Objects by their type and their number among those of it; the machine, whose type differs, by its path. */
function byPlace(objects: readonly QomObject[]): Map<string, QomObject> {
  const counts = new Map<string, number>();
  return new Map(
    objects.map((object): [string, QomObject] => {
      if (object.path === machinePath) return [machinePath, object];
      const count = (counts.get(object.type) ?? 0) + 1;
      counts.set(object.type, count);
      return [`${object.type} ${count}`, object];
    }),
  );
}
