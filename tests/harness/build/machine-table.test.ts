import { expect } from 'chai';
import { parseVersion, type Build, type MachineType } from '../../../harness/build/build.js';
import { aliasTable, machineTable } from '../../../harness/build/machine-table.js';
import { UsageError } from '../../../harness/core/errors.js';

function build(name: string, version: string, types: [name: string, alias?: string][]): Build {
  const machineTypes = types.map(([type, alias]): MachineType => ({
    name: type,
    ...(alias !== undefined && { alias }),
    isDefault: false,
    deprecated: false,
    cpuMax: 1,
  }));
  const probe = {
    version: parseVersion(version),
    arch: 'x86_64',
    package: '',
    machineTypes,
    devices: [],
    accelerators: ['tcg'],
    migrationCapabilities: [],
    migrationParameters: [],
    compatProperties: undefined,
  };
  return {
    name,
    version: probe.version,
    arch: probe.arch,
    package: '',
    sha256: '',
    binary: '',
    command: [],
    env: {},
    probe,
  };
}

const old = build('old', '7.2', [['pc-q35-2.9'], ['pc-q35-2.10'], ['pc-q35-7.2', 'q35']]);
const fresh = build('fresh', '10.0', [['pc-q35-7.2'], ['pc-q35-10.0', 'q35'], ['microvm']]);

describe('machine types × builds', () => {
  it('lists each type once, in version order, and tells which a route can use', () => {
    const rows = machineTable([old, fresh]);
    expect(rows.map((row) => row.name)).to.deep.equal([
      'microvm',
      'pc-q35-2.9',
      'pc-q35-2.10',
      'pc-q35-7.2',
      'pc-q35-10.0',
    ]);
    expect(rows.filter((row) => row.everywhere).map((row) => row.name)).to.deep.equal(['pc-q35-7.2']);
    expect(rows[1]?.types.map((type) => type?.name)).to.deep.equal(['pc-q35-2.9', undefined]);
  });

  it('narrows by globs, and takes an alias for what it means in each build', () => {
    expect(machineTable([old, fresh], ['pc-q35-2.*']).map((row) => row.name)).to.deep.equal([
      'pc-q35-2.9',
      'pc-q35-2.10',
    ]);
    expect(machineTable([old, fresh], ['q35']).map((row) => row.name)).to.deep.equal(['pc-q35-7.2', 'pc-q35-10.0']);
    expect(aliasTable([old, fresh])).to.deep.equal([{ alias: 'q35', names: ['pc-q35-7.2', 'pc-q35-10.0'] }]);
  });

  it('refuses a glob that matches nothing, also beside one that does', () => {
    expect(() => machineTable([old, fresh], ['microvm', 'pc-q35-99.*'])).to.throw(UsageError, 'pc-q35-99.*');
  });
});
