import { describeOutcome, expect, scenario, type CellShape, type Outcome, type StandInDevice } from 'godwit';
import { lackOfCpuState } from '../arm64/cpu-state.js';
import { isArm, isMachineFrom, isVersionFrom } from './cell.js';
import { vendorSpecificContents } from './known-issues.js';
import { vendorSpecificTable, type VendorSpecificDifference, type VendorSpecificRow } from './vendor-specific-table.js';

/** Where the device has the capability, and where the one before it says so: Next Capability Pointer of MSI-X. */
const capability = 0x80;
const nextOfMsiX = 0x61;
const original = [0x11, 0x12, 0x13];

/** What the capability has on the source and on the destination, behind its header. */
const contents: Readonly<Record<string, [source: number[] | undefined, destination: number[] | undefined]>> = {
  nothing: [original, original],
  contents: [original, [0x22, 0x12, 0x13]],
  length: [original, [...original, 0x14]],
  'there on the source only': [original, undefined],
  'there on the destination only': [undefined, original],
};

/** What the destination is told about the check, and by whom. */
const check = { 'machine type': undefined, on: 'on', off: 'off' } as const;

function row(cell: CellShape): VendorSpecificRow | undefined {
  const { differs, 'skip-vsc-check': told } = cell.options;
  const version = isVersionFrom(cell.route.at(-1), 9, 1) ? '>=9.1' : '<9.1';
  const machines = isMachineFrom(cell, 9, 1) ? 'from 9.1' : 'up to 9.0';
  const rows = vendorSpecificTable.filter(
    (each) =>
      each.differs === (differs as VendorSpecificDifference) &&
      ['*', version].includes(each.destination) &&
      [undefined, machines].includes(each.machines),
  );
  const skips = check[told as keyof typeof check];
  return (
    rows.find(({ skipVscCheck }) => skipVscCheck === skips) ?? rows.find((each) => each.skipVscCheck === undefined)
  );
}

function deviceOf(bytes: number[] | undefined, properties: StandInDevice['properties']): StandInDevice {
  return { ...(bytes && { vendorSpecific: bytes }), properties: { addr: '0x4', ...properties } };
}

/** The first byte that a destination of the cell has to refuse; undefined where it has to take the stream. */
function refusedAt(cell: CellShape): number | undefined {
  const { differs = '' } = cell.options;
  if (differs.startsWith('there on')) return nextOfMsiX;
  const behind = row(cell)?.refusedAt;
  // That builds before 9.1 refuse other contents is the bug of the seed.
  const isBug = differs === 'contents' && !isVersionFrom(cell.route.at(-1), 9, 1);
  return behind === undefined || isBug ? undefined : capability + behind;
}

/** Both sides say that the migration has completed, and of all that the guest sees nothing differs but contents that may. */
function expectTaken(outcome: Outcome, { options: { differs } }: CellShape): void {
  const told = describeOutcome(outcome);
  expect([outcome.source.migrationStatus, outcome.destination.migrationStatus], told).to.deep.equal([
    'completed',
    'completed',
  ]);
  expect(outcome).to.have.cleanLogs;
  const differing = outcome.differences.map(({ offset }) => offset);
  expect(differing, told).to.deep.equal(differs === 'contents' ? [capability + 3] : []);
}

scenario('vfio: seed 002, vendor-specific capability', {
  machines: ['pc-i440fx-{5.2,7.2,9.0,9.1,11.1}', 'pc-q35-{5.2,7.2,9.0,9.1,11.1}', 'virt-{5.2,7.2,9.0,9.1,11.1}'],
  options: { differs: Object.keys(contents), 'skip-vsc-check': Object.keys(check) },
  vfio({ options: { differs = '', 'skip-vsc-check': told } }) {
    const [before, after] = contents[differs] ?? [];
    const skips = check[told as keyof typeof check];
    return { source: deviceOf(before, {}), destination: deviceOf(after, skips && { 'skip-vsc-check': skips }) };
  },
  known: [vendorSpecificContents],
  // Whatever the property says, it is about contents; that it is about nothing else, the length shows.
  only: ({ options: { differs, 'skip-vsc-check': told } }) =>
    told === 'machine type' || differs === 'contents' || (differs === 'length' && told === 'on'),
  skip(cell) {
    const { route, options } = cell;
    const destination = route.at(-1);
    if (options['skip-vsc-check'] !== 'machine type' && destination && !isVersionFrom(destination, 9, 1))
      return `${destination.name} (QEMU ${destination.version.text}) has no skip-vsc-check`;
    if (new Set(route.map((build) => isVersionFrom(build, 6, 0))).size > 1)
      return 'the configuration space of VFIO devices has another place in the stream from 6.0 on: seed 004 has that';
    return isArm(cell) ? lackOfCpuState(cell) : undefined;
  },
  async body(journey) {
    const outcome = await journey.migrate();
    const offset = refusedAt(journey);
    if (offset === undefined) expectTaken(outcome, journey);
    else expect(outcome).to.have.failedOn('destination').with.finding('config-mismatch', { offset });
  },
});
