import { expect } from 'chai';
import { differencesOf } from '../../../../harness/bisect/properties/differences.js';
import type { QomObject } from '../../../../harness/bisect/properties/object-tree.js';
import { pieceName, wordsSetting } from '../../../../harness/bisect/properties/property-piece.js';
import { originWords, toldProperties } from '../../../../harness/bisect/properties/told.js';
import type { Build, CompatProperty } from '../../../../harness/build/build.js';

function object(path: string, type: string, properties: Record<string, string>): QomObject {
  const isDevice = !path.startsWith('/machine/memory') && path !== '/machine';
  return { path, type, isDevice, properties: new Map(Object.entries(properties)) };
}

function telling(name: string, lists: Record<string, CompatProperty[]> | undefined): Build {
  const version = { major: 10, minor: 0, micro: 13, text: '10.0.13' };
  return { name, version, probe: { compatProperties: lists } } as unknown as Build;
}

/**
 * 1. A property that differs is told once for its type, with both values; the machine's own come last.
 * 2. Objects are the same by type and number, wherever they stand; what one side alone has, and what no command line reaches, is left out.
 * 3. Words for a command line have any value and any type.
 * 4. Builds that tell their compat lists tell what separates two machine types; others tell nothing.
 */
describe('what separates two machines', () => {
  it('tells each property of a type once, with both values', () => {
    const port = (on: string): QomObject[] => [
      object('/machine/peripheral/a', 'pcie-root-port', { hotplug: on, port: '1' }),
      object('/machine/peripheral/b', 'pcie-root-port', { hotplug: on, port: '2' }),
    ];
    const bad = [object('/machine', 'six-machine', { hpet: 'on', fd: 'on' }), ...port('on')];
    const good = [object('/machine', 'seven-machine', { hpet: 'off', fd: 'on' }), ...port('off')];
    expect(differencesOf(bad, good)).to.deep.equal([
      { of: 'device', driver: 'pcie-root-port', property: 'hotplug', bad: 'on', good: 'off' },
      { of: 'machine', driver: 'six-machine', property: 'hpet', bad: 'on', good: 'off' },
    ]);
  });

  it('knows objects by type and number, and leaves out what cannot be compared or set', () => {
    const bad = [
      object('/machine/unattached/device[0]', 'rtc', { century: '1' }),
      object('/machine/memory[0]', 'memory-region', { size: '1' }),
      object('/machine/unattached/device[1]', 'rtc', { century: '2', base: '7' }),
      object('/machine/unattached/device[2]', 'gone', { a: '1' }),
    ];
    const good = [
      object('/machine/unattached/device[0]', 'new', { a: '2' }),
      object('/machine/unattached/device[1]', 'rtc', { century: '1' }),
      object('/machine/memory[0]', 'memory-region', { size: '2' }),
      object('/machine/unattached/device[2]', 'rtc', { century: '3', later: '1' }),
    ];
    expect(differencesOf(bad, good)).to.deep.equal([
      { of: 'device', driver: 'rtc', property: 'century', bad: '2', good: '3' },
    ]);
  });

  it('has words for any value', () => {
    const piece = { of: 'device', driver: 'ICH9-LPC', property: 'smm', bad: 'off', good: 'on' } as const;
    expect(wordsSetting(piece, 'a,b')).to.deep.equal(['-global', 'ICH9-LPC.smm=a,b']);
    expect(wordsSetting({ ...piece, driver: 'cfi.pflash01' }, 'a,b')).to.deep.equal([
      '-global',
      'driver=cfi.pflash01,property=smm,value=a,,b',
    ]);
    expect(wordsSetting({ ...piece, of: 'machine' }, 'on')).to.deep.equal(['-machine', 'smm=on']);
    expect([pieceName(piece), pieceName({ ...piece, of: 'machine' })]).to.deep.equal(['ICH9-LPC.smm', '-machine smm']);
  });

  it('believes compat lists: the last entry of each, where they differ', () => {
    const entry = (driver: string, value: string): CompatProperty => ({ driver, property: 'p', value });
    const silent = telling('deb:bookworm', undefined);
    const elsewhere = telling('other', { six: [] });
    const build = telling('deb:trixie', {
      six: [entry('same', '1'), entry('mine', 'off'), entry('both', '0'), entry('both', '1')],
      seven: [entry('same', '1'), entry('both', '2'), entry('yours', 'on')],
    });
    const types = { bad: 'six', good: 'seven' };
    const told = toldProperties([silent, elsewhere, build], types);
    expect(told.map(({ driver, bad, good }) => [driver, bad, good])).to.deep.equal([
      ['mine', 'off', undefined],
      ['both', '1', '2'],
      ['yours', undefined, 'on'],
    ]);
    expect(told.map((one) => originWords(one, types))).to.deep.equal([
      'a compat property of six alone, as QEMU 10.0.13 (deb:trixie) tells',
      'a compat property of both machine types, as QEMU 10.0.13 (deb:trixie) tells',
      'a compat property of seven alone, as QEMU 10.0.13 (deb:trixie) tells',
    ]);
  });
});
