import { expect, scenario, type CellShape } from 'godwit';
import { mismatches, type Mismatch } from './mismatches.js';

scenario('command lines that differ', {
  machines: ['pc-q35-5.2', 'pc-q35-7.2'],
  pairs: 'same',
  options: { in: Object.keys(mismatches) },
  devices: (cell) => mismatchOf(cell).source ?? '',
  destination(cell) {
    const { destination = '', destinationMemoryMiB, destinationMachineType } = mismatchOf(cell);
    return {
      devices: destination,
      ...(destinationMemoryMiB !== undefined && { memoryMiB: destinationMemoryMiB }),
      ...(destinationMachineType && { machineType: destinationMachineType(cell.machineType) }),
    };
  },
  skip(cell) {
    const { since } = mismatchOf(cell);
    const old = cell.route.find(({ version }) => version.major < (since ?? 0));
    return old && `${old.name} (QEMU ${old.version.text}) does not know what these command lines use`;
  },
  async body(journey) {
    const { kind, fields } = mismatchOf(journey);
    expect(await journey.migrate())
      .to.have.failedOn('destination')
      .with.finding(kind, fields);
  },
});

function mismatchOf({ options }: Pick<CellShape, 'options'>): Mismatch {
  const mismatch = mismatches[options['in'] ?? ''];
  if (!mismatch) throw new Error(`no mismatch is called '${options['in']}'`);
  return mismatch;
}
