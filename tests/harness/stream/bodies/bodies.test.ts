import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { sectionsOf } from '../../../../harness/stream/capture.js';
import { loadOrder, orderViolations } from '../../../../harness/stream/compare/order.js';
import { StreamError } from '../../../../harness/stream/errors.js';
import { contentsOf } from '../../support/captured.js';
import { readBytes } from '../../support/edited.js';

const be = (bytes: 1 | 2 | 4 | 8, value: number | bigint): Buffer =>
  Buffer.from(
    BigInt(value)
      .toString(16)
      .padStart(2 * bytes, '0'),
    'hex',
  );
const tag = (number: number): Buffer => be(8, 0xffff_ffff_ef10_0000n + BigInt(number));
const tags = { end: tag(1), config: tag(2), setup: tag(3), data: tag(4), initial: tag(5), ready: tag(6) };
const types = { start: 1, part: 2, end: 3, full: 4 } as const;
const id = 77;

/** A section with its footer, as QEMU frames it. */
function section(type: keyof typeof types, name: string, ...body: Buffer[]): Buffer {
  const begins = type === 'start' || type === 'full';
  const header = begins ? [be(1, name.length), Buffer.from(name), be(4, 0), be(4, 1)] : [];
  return Buffer.concat([be(1, types[type]), be(4, id), ...header, ...body, be(1, 0x7e), be(4, id)]);
}

const begin = Buffer.from('5145564d00000003', 'hex');
const stream = (...sections: Buffer[]): Buffer => Buffer.concat([begin, ...sections, be(1, 0)]);
const vfio = '0000:00:04.0/vfio';
/** Version and configuration space, in which a tag stands by chance, and interrupts. */
const config = Buffer.concat([be(4, 2), Buffer.alloc(100, 0x11), tags.end, Buffer.alloc(256, 0x22), be(4, 0)]);

/**
 * Bodies built by their format, where no QEMU of this machine writes them:
 * 1. VFIO of 5.2 (configuration among the device's data), of 7.2 to 11.1 (in a section of its own), with multifd's marks
 * 2. the hash page table of pseries, and storage attributes of s390x
 * 3. What none of them can be ends with an offset.
 * 4. The configuration space of a VFIO device counts in the load order where it stands.
 */
describe('bodies of iterable sections', () => {
  const data = (bytes: number): Buffer => Buffer.concat([tags.data, be(8, bytes), Buffer.alloc(bytes, 0x33)]);

  it('reads VFIO of 5.2', () => {
    const capture = readBytes(
      stream(
        section('start', vfio, tags.setup, tags.end),
        section('part', vfio, data(5000), tags.end),
        section('end', vfio, tags.config, config, tags.end, data(3000), tags.end),
      ),
    );
    const { counts, marks } = contentsOf(capture, vfio);
    expect(counts).to.deep.equal({ dataChunks: 2, dataBytes: 8000, configBytes: config.length });
    expect(marks?.map(({ name }) => name)).to.have.members([
      'setup-state',
      'end-of-state',
      'data-state',
      'config-state',
    ]);
  });

  it('reads VFIO of later versions', () => {
    const capture = readBytes(
      stream(
        section('start', vfio, tags.setup, tags.end),
        section('part', vfio, tags.initial),
        section('end', vfio, data(100), data(0), tags.end),
        section('full', vfio, tags.config, config, tags.end),
        section('part', vfio, tags.ready),
      ),
    );
    expect(sectionsOf(capture).map(({ section: { type, bodyBytes } }) => [type, bodyBytes])).to.deep.equal([
      ['start', 16],
      ['part', 8],
      ['end', 16 + 100 + 16 + 8],
      ['full', 8 + config.length + 8],
      ['part', 8],
    ]);
  });

  it('reads hash page tables and storage attributes', () => {
    const run = Buffer.concat([be(4, 10), be(2, 3), be(2, 40), Buffer.alloc(48, 0x7e)]);
    const table = stream(
      section('start', 'spapr/htab', be(4, 24)),
      section('part', 'spapr/htab', be(4, 0), run, run, be(8, 0)),
      section('end', 'spapr/htab', be(4, 0), be(8, 0)),
    );
    expect(contentsOf(readBytes(table), 'spapr/htab').counts).to.deep.equal({
      ...{ tableBytes: 1 << 24, validEntries: 6, invalidEntries: 80 },
    });
    expect(
      contentsOf(readBytes(stream(section('start', 'spapr/htab', be(4, 0xffffffff)))), 'spapr/htab').counts,
    ).to.deep.equal({});
    const name = 's390-storage_attributes';
    const attributes = stream(
      section('start', name, be(8, 1)),
      section('part', name, be(8, 0x5000 | 2), be(8, 6), Buffer.alloc(6), be(8, 1)),
      section('end', name, be(8, 8), be(8, 1)),
    );
    expect(contentsOf(readBytes(attributes), name).counts).to.deep.equal({ attributes: 6 });
  });

  it('ends where a body cannot go on', () => {
    const cases: [body: Buffer, name: string, expected: RegExp][] = [
      [be(8, 0x1234), vfio, /^offset 39 .*a tag of VFIO state was expected/],
      [Buffer.concat([tags.setup, tags.data]), vfio, /^offset 47 .*the end of the VFIO setup state was expected/],
      [Buffer.concat([tags.data, be(8, 1n << 62n)]), vfio, /beyond all reason/],
      [
        Buffer.concat([tags.config, Buffer.alloc(3 << 20)]),
        vfio,
        /the end of the configuration of .*vfio was expected before here/,
      ],
      [be(4, 70), 'spapr/htab', /the size of the hash page table was expected/],
      [be(8, 4), 's390-storage_attributes', /the source says that it could not send all/],
      [be(8, 0x10), 'block', /a disk block was expected/],
    ];
    for (const [body, name, expected] of cases)
      expect(() => readBytes(stream(section('start', name, body))), name).to.throw(StreamError, expected);
  });

  it('counts the configuration of a VFIO device where it is loaded', () => {
    const virt = gunzipSync(readFileSync(new URL('../captures/virt-7.2-gicv3-smmuv3.mig.gz', import.meta.url)));
    const controller = sectionsOf(readBytes(virt)).find(({ section: { name } }) => name === 'arm_gicv3')?.section;
    const put = (at: number, ...sections: Buffer[]): Buffer =>
      Buffer.concat([virt.subarray(0, at), ...sections, virt.subarray(at)]);
    const begins = section('start', vfio, tags.setup, tags.end);
    const early = readBytes(
      put(controller?.offset ?? 0, begins, section('end', vfio, tags.config, config, tags.end, data(10), tags.end)),
    );
    expect(loadOrder(early)[0]?.name).to.equal(`${vfio} setup-state`);
    const broken = orderViolations(early).filter(({ rule }) => rule.name.startsWith('interrupt controller'));
    expect(broken.map(({ early: { name }, late }) => [name, late.name])).to.deep.equal([
      [`${vfio} config-state`, 'arm_gicv3'],
    ]);
    // Data alone may come before.
    const late = readBytes(put(controller?.offset ?? 0, begins, section('end', vfio, data(10), tags.end)));
    expect(orderViolations(late)).to.deep.equal([]);
  });
});
