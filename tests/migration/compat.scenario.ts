import { expect, scenario, type CellShape } from 'godwit';
import semver from 'semver';
import { compatProperties, type CompatProperty } from './compat-properties.js';
import { virtioMemSuspends } from './known-issues.js';

scenario('compat property switched off on the newer side', {
  machines: [...new Set(Object.values(compatProperties).map(({ machineType }) => machineType))],
  options: { property: Object.keys(compatProperties), switched: ['off', 'as it is'] },
  only(cell) {
    const property = propertyOf(cell);
    return cell.machineType === property.machineType && directionOf(cell, property) !== undefined;
  },
  known: virtioMemSuspends,
  devices: (cell) => wordsOf(cell, 'newerToOlder'),
  destination: (cell) => ({ devices: wordsOf(cell, 'olderToNewer') }),
  async body(journey) {
    const property = propertyOf(journey);
    const direction = directionOf(journey, property);
    const expected = direction && property[direction];
    const outcome = await journey.migrate(property.plan);
    if (expected && journey.options['switched'] === 'off') {
      expect(outcome).to.have.failedOn('destination').with.finding(expected.kind, expected.fields);
    } else {
      expect(outcome).to.be.completed.with.cleanLogs;
    }
  },
});

function propertyOf({ options }: CellShape): CompatProperty {
  const property = compatProperties[options['property'] ?? ''];
  if (!property) throw new Error(`no compat property is called '${options['property']}'`);
  return property;
}

/** Which way a pair leads between the two behaviours; undefined when it stays on one, or nothing is known of that way. */
function directionOf({ route }: CellShape, property: CompatProperty): 'newerToOlder' | 'olderToNewer' | undefined {
  const [source = '', destination = ''] = route.map(({ version }) => version.text);
  const is = (version: string, range: string): boolean => semver.satisfies(version, range);
  if (is(source, property.newer) && is(destination, property.older) && property.newerToOlder) return 'newerToOlder';
  if (is(source, property.older) && is(destination, property.newer) && property.olderToNewer) return 'olderToNewer';
  return undefined;
}

/** The side that is newer in this direction gets the property switched. */
function wordsOf(cell: CellShape, newerIn: 'newerToOlder' | 'olderToNewer'): string {
  const property = propertyOf(cell);
  const switched = cell.options['switched'] === 'off' && directionOf(cell, property) === newerIn;
  return switched ? `${property.devices} ${property.global}` : property.devices;
}
