import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { cellsWithKernel, fetchGuests, type Prepared } from '../../../../harness/cli/options/guest-options.js';
import { UsageError } from '../../../../harness/core/errors.js';
import { PrivateFolder } from '../../../../harness/machine/private-folder.js';
import type { PlannedCell } from '../../../../harness/record/events.js';
import type { GuestKind } from '../../../../harness/scenario/guests.js';
import { imaginedBuild } from '../../scenario/imagined.js';
import { failure } from '../../support/failure.js';

/**
 * 1. Cells of Linux guests of another architecture than the user's kernel are skipped, with a reason that names the file and both; those of
 * other guests, and those that are skipped already, stay as they are. 2. A kernel of unknown kind, and Debian's, are for every cell.
 * 3. Where no cell is left, and where a command does not skip, they are refused; and an initramfs or a disk for guests of several architectures.
 */
describe("a user's kernel", () => {
  let folder: PrivateFolder;
  let kernel: string;
  before(() => {
    folder = PrivateFolder.create();
    kernel = join(folder.path, 'bzImage');
    const image = Buffer.alloc(0x400);
    image.write('HdrS', 0x202);
    writeFileSync(kernel, image);
  });
  after(() => folder[Symbol.dispose]());

  const cell = (scenario: string, name: string): PlannedCell => {
    const facts = { scenario, file: 'a.scenario.ts', machineType: 'any', options: {} };
    return { id: `${scenario} [${name}]`, route: [name, name], ...facts };
  };
  const scenarioOf = (title: string, guest: GuestKind) => {
    const facts = { title, guest, machines: '*', file: 'a.scenario.ts' };
    return { ...facts, body: () => Promise.resolve() };
  };
  const prepared: Prepared = {
    builds: [imaginedBuild('deb:new', '10.0.0'), imaginedBuild('deb:new:aarch64', '10.0.0', { arch: 'aarch64' })],
    scenarios: [scenarioOf('linux', 'linux'), scenarioOf('payload', 'payload')],
    cells: [
      cell('linux', 'deb:new'),
      cell('linux', 'deb:new:aarch64'),
      { ...cell('linux', 'deb:new:aarch64'), skip: 'it has its reason' },
      cell('payload', 'deb:new:aarch64'),
    ],
  };
  const skips = (path?: string): (string | undefined)[] => cellsWithKernel(path, prepared).map(({ skip }) => skip);
  const reason = (): string => `--kernel ${kernel} is for x86_64, and the guest is for aarch64`;

  it('is for the cells of its architecture', () => {
    expect(skips(kernel)).to.deep.equal([undefined, reason(), 'it has its reason', undefined]);
  });

  it('is for all cells where nobody knows better', () => {
    writeFileSync(join(folder.path, 'unknown'), 'this is no kernel');
    for (const path of [undefined, 'deb:bookworm', join(folder.path, 'unknown'), join(folder.path, 'nothing')])
      expect(skips(path)).to.deep.equal([undefined, undefined, 'it has its reason', undefined]);
  });

  it('is refused where it is for no cell', async () => {
    const cells = prepared.cells.slice(1, 3);
    expect(() => cellsWithKernel(kernel, { ...prepared, cells })).to.throw(UsageError, reason());
    const others = cells.slice(1);
    expect(cellsWithKernel(kernel, { ...prepared, cells: others })).to.deep.equal(others);
    const { signal } = new AbortController();
    const refused = await failure(fetchGuests(['x86_64', 'aarch64'], { kernel, cold: false }, signal), UsageError);
    expect(refused.message).to.equal(reason());
    for (const name of ['initrd', 'disk']) {
      const settings = { [name]: 'a', cold: false };
      const several = await failure(fetchGuests(['x86_64', 'aarch64'], settings, signal), UsageError);
      expect(several.message).to.include(
        `--${name} a is for guests of one architecture, and there are some of x86_64 and`,
      );
    }
  });
});
