import { expect } from 'chai';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'mocha';
import { ConnectError } from '../../../harness/core/errors.js';
import { PrivateFolder } from '../../../harness/machine/private-folder.js';
import type { CheckResult } from '../../../harness/vfio/conformance/check.js';
import { checkServer } from '../../../harness/vfio/conformance/run.js';
import { encodeMessage, messageFlags } from '../../../harness/vfio/protocol/message.js';
import { commands } from '../../../harness/vfio/protocol/numbers.js';
import { regionInfo } from '../../../harness/vfio/protocol/payloads.js';
import { encodeVersion, ourVersion } from '../../../harness/vfio/protocol/version.js';
import { type Fault, refusedWrite } from '../../../harness/vfio/server/faults.js';
import type { DeviceModel } from '../../../harness/vfio/server/model.js';
import { VfioUserServer } from '../../../harness/vfio/server/server.js';
import { failure } from '../support/failure.js';

type Wish = { faults?: readonly Fault[]; model?: Partial<DeviceModel> };

const on = (command: number, does: Fault['does'], more: Partial<Fault> = {}): Fault => ({ command, does, ...more });
const pretend = { kind: 'pretend' } as const;

/** Extended capabilities (Vendor-Specific, version 1), each with where the next one is. */
function extended(...links: [number, number][]): { offset: number; value: number }[] {
  return links.flatMap(([at, next]) => {
    const header = Buffer.alloc(4);
    header.writeUInt32LE(((next << 20) | (1 << 16) | 0x0b) >>> 0);
    return [...header].map((value, index) => ({ offset: at + index, value }));
  });
}

/** What the unknown command of the malformed messages is refused with by a server that sends more than a header. */
const longRefusal = encodeMessage({
  ...{ id: 0x0909, command: 0xfff, flags: messageFlags.reply | messageFlags.error },
  ...{ error: constants.errno.EINVAL, payload: Buffer.from('no') },
});

/** Servers with one fault each, with the check that must find it and what it says. */
const faulty: [string, Wish, string, RegExp][] = [
  [
    'refuses the write of seed 003',
    { faults: [refusedWrite(0x87, 2, constants.errno.EINVAL)] },
    'MSI-X: 2 bytes 80 00 at +3',
    /^the write of 80 00 at 0x87 is refused: REGION_WRITE was refused with EINVAL$/,
  ],
  [
    'refuses 1 byte at +3',
    { faults: [refusedWrite(0x87, 1, constants.errno.EINVAL)] },
    'MSI-X: 1 byte 80 at +3',
    /REGION_WRITE was refused with EINVAL$/,
  ],
  [
    'only says that it wrote',
    { faults: [on(commands.REGION_WRITE, pretend, { offset: 0x87, count: 2 })] },
    'MSI-X: 2 bytes 80 00 at +3',
    /the capability reads 11 a0 03 00 .*, and 11 a0 03 80 .* was expected$/,
  ],
  [
    'lets Table BIR be written',
    { model: { writable: [{ offset: 0x88, mask: 0xff }] } },
    'MSI-X: 2 bytes c0 ff at +3',
    /the capability reads 11 a0 03 c0 ff /,
  ],
  [
    'lets Table Size be written',
    { model: { writable: [{ offset: 0x86, mask: 0xff }] } },
    'MSI-X: 2 bytes ff 80 at +2',
    /the capability reads 11 a0 ff 80 /,
  ],
  [
    'lets a pointer be written',
    { model: { writable: [{ offset: 0x34, mask: 0xff }] } },
    'config: the header stays',
    /^a write to 0x34 changed what must stay$/,
  ],
  [
    'has a list that never ends',
    { model: { pokes: [{ offset: 0xa1, value: 0x84 }] } },
    'config: the capability list',
    /^the pointer at 0xa1 leads to 0x84, where the list was before: it never ends$/,
  ],
  [
    'has a pointer into the header',
    { model: { pokes: [{ offset: 0xa1, value: 0x10 }] } },
    'config: the capability list',
    /^the pointer at 0xa1 leads to 0x10, into the header$/,
  ],
  [
    'has a pointer between two words',
    { model: { pokes: [{ offset: 0xa1, value: 0xb2 }] } },
    'config: the capability list',
    /leads to 0xb2, which is no multiple of 4$/,
  ],
  [
    'has an extended list that never ends',
    { model: { configBytes: 4096, pokes: extended([0x100, 0x140], [0x140, 0x100]) } },
    'config: the extended capability list',
    /^the pointer of the capability at 0x140 leads to 0x100, where the list was before: it never ends$/,
  ],
  [
    'has an extended pointer into the standard space',
    { model: { configBytes: 4096, pokes: extended([0x100, 0x40]) } },
    'config: the extended capability list',
    /^the pointer of the capability at 0x100 leads to 0x40, out of the extended space$/,
  ],
  [
    'has an extended pointer to nothing',
    { model: { configBytes: 4096, pokes: extended([0x100, 0x200]) } },
    'config: the extended capability list',
    /^the pointer of the capability at 0x100 leads to 0x200, where no capability is$/,
  ],
  ['has no vendor', { model: { vendorId: 0xffff } }, 'config: a header', /^Vendor ID is 0xffff$/],
  [
    'has a BAR of another size',
    { model: { pokes: [{ offset: 0x10, value: 0 }], writable: [{ offset: 0x11, mask: 0xff }] } },
    'config: BARs have the sizes of their regions',
    /^BAR 0 sizes to 256 bytes, and its region has 4096$/,
  ],
  [
    'has another Table Size',
    { model: { pokes: [{ offset: 0x86, value: 7 }] } },
    'interrupts: each type has its info',
    /^MSI-X has 4 interrupts, and its Table Size says 8$/,
  ],
  [
    'sets interrupts that are not there',
    { faults: [on(commands.DEVICE_SET_IRQS, pretend)] },
    'interrupts: set up and taken back',
    /^setting interrupt 4 of 4 was accepted$/,
  ],
  [
    'maps memory twice',
    { faults: [on(commands.DMA_MAP, pretend)] },
    'DMA: memory is mapped once',
    /^a mapping over another one was accepted$/,
  ],
  [
    'maps memory over half of other memory',
    { faults: [on(commands.DMA_MAP, pretend, { nth: 3 })] },
    'DMA: memory is mapped once',
    /^a mapping over half of another one was accepted$/,
  ],
  [
    'says something besides no',
    { faults: [on(0xfff, { kind: 'send', bytes: longRefusal })] },
    'errors: the header alone',
    /^an answer to command 4095 with an error has a payload$/,
  ],
  [
    'reads beyond the end',
    { faults: [on(commands.REGION_READ, pretend, { offset: 256 })] },
    'regions: nothing beyond the end',
    /^a read of 2 bytes at 0x100 of a configuration space of 256 bytes was accepted$/,
  ],
  [
    'reads zeroes in eight bytes',
    { faults: [on(commands.REGION_READ, pretend, { count: 8 })] },
    'MSI-X: reads of every size and alignment',
    /^8 bytes at \+0 read 00 00/,
  ],
  [
    'refuses a reset that it offers',
    { faults: [on(commands.DEVICE_RESET, { kind: 'refuse', errno: 5 })] },
    'reset: the device comes back',
    /^DEVICE_RESET was refused with EIO$/,
  ],
  [
    'answers late',
    { faults: [on(commands.DEVICE_GET_IRQ_INFO, { kind: 'late', ms: 2000 })] },
    'interrupts: each type has its info',
    /^the server did not answer DEVICE_GET_IRQ_INFO within \d+ ms$/,
  ],
  [
    'answers with another id',
    { faults: [on(commands.DEVICE_GET_IRQ_INFO, { kind: 'wrong-id' })] },
    'interrupts: each type has its info',
    /a reply to DEVICE_GET_IRQ_INFO came with the id/,
  ],
  [
    'sends half an answer',
    { faults: [on(commands.DEVICE_GET_IRQ_INFO, { kind: 'half', bytes: 18 })] },
    'interrupts: each type has its info',
    /18 bytes of a message of 32 had come$/,
  ],
  [
    'sends garbage',
    { faults: [on(commands.DEVICE_GET_IRQ_INFO, { kind: 'send', bytes: Buffer.alloc(40, 0xee) })] },
    'interrupts: each type has its info',
    /announces \d+ bytes; \d+ are accepted/,
  ],
  [
    'sends more than it says',
    { faults: [on(commands.REGION_READ, { kind: 'resize', by: 4 }, { count: 12 })] },
    'MSI-X: reads of every size and alignment',
    /^12 bytes were to be read, and 16 came$/,
  ],
  [
    'negotiates any version',
    { faults: [on(commands.VERSION, pretend)] },
    'version: a major it cannot know',
    /^version 65535.0 was accepted$/,
  ],
  [
    'serves one client alone',
    { faults: [on(commands.VERSION, { kind: 'die' }, { nth: 2 })] },
    'connection: the next client is served',
    /^the server takes no client: the server closed the connection$/,
  ],
  [
    'forgets what a client wrote',
    { faults: [on(commands.REGION_WRITE, pretend, { offset: 0x3c })] },
    'connection: the next client is served',
    /^Interrupt Line is lost with the client that wrote it$/,
  ],
  [
    'ignores what means nothing',
    { faults: [on(0xfff, { kind: 'silence' })] },
    'malformed: an unknown command',
    /^an unknown command was neither answered nor was the connection closed$/,
  ],
  [
    'takes what means nothing as done',
    { faults: [on(commands.REGION_READ, pretend, { count: 0xffffffff })] },
    'malformed: REGION_READ of 4 GiB',
    /^REGION_READ of 4 GiB was answered as if it had been done$/,
  ],
  [
    'dies of what means nothing',
    { faults: [on(0xfff, { kind: 'die' })] },
    'malformed: an unknown command',
    /^the server takes no client: could not connect to /,
  ],
  [
    'loses its state',
    { faults: [on(commands.MIG_DATA_READ, { kind: 'refuse', errno: 22 })] },
    'migration: state is saved',
    /^MIG_DATA_READ was refused with EINVAL$/,
  ],
];

/**
 * The conformance check:
 * 1. a correct server passes every check, alone and with a second one
 * 2. a server without migration, with that of an older protocol, or without a second one, has those checks skipped with the reason
 * 3. each of these faults is found by its check, with the messages; the finding of seed 003 shows it byte by byte
 * 4. a server that refuses what no driver writes, or does what the specification does not speak of, passes with a note
 * 5. the second server of a migration refuses the replay of seed 003
 * 6. a server that hangs at once fails one check, and all others are skipped
 * 7. one that answers each command late, but in time, is given up
 * 8. counts and sizes that cannot be are found, and lead nowhere
 * 9. nobody listens: an error, and no results
 */
describe('vfio-user conformance', () => {
  let folder: PrivateFolder;
  let servers: VfioUserServer[];
  beforeEach(() => {
    folder = PrivateFolder.create();
    servers = [];
  });
  afterEach(() => {
    for (const server of servers) server.stop();
    folder[Symbol.dispose]();
  });

  async function serve(wish: Wish = {}): Promise<string> {
    const path = join(folder.path, `s${servers.length}`);
    servers.push(await VfioUserServer.listen(path, wish));
    return path;
  }

  async function results(path: string, to?: string, timeoutMs = 10_000): Promise<CheckResult[]> {
    const all: CheckResult[] = [];
    const options = { timeoutMs, ...(to !== undefined && { to }) };
    for await (const result of checkServer(path, options)) all.push(result);
    return all;
  }

  const failed = (all: readonly CheckResult[]): CheckResult[] => all.filter(({ verdict }) => verdict === 'failed');

  it('passes a correct server', async () => {
    const model = { configBytes: 4096, pokes: extended([0x100, 0x140], [0x140, 0]) } as const;
    const all = await results(await serve({ model }), await serve({ model }));
    expect(failed(all)).to.deep.equal([]);
    expect(all.filter(({ verdict }) => verdict === 'skipped')).to.deep.equal([]);
    expect(all.flatMap(({ notes }) => notes)).to.deep.equal([]);
    expect(new Set(all.map(({ name }) => name)).size).to.equal(all.length);
  });

  it('skips what a server does not have', async () => {
    const alone = await results(await serve());
    expect(failed(alone)).to.deep.equal([]);
    expect(alone.find(({ name }) => name === 'config: the extended capability list')?.reason).to.equal(
      'configuration space has 256 bytes',
    );
    expect(alone.find(({ name }) => name === 'migration: from one server to another')?.reason).to.equal(
      'no second server was given (--to SOCKET)',
    );
    const fixed = await results(await serve({ model: { migratable: false } }));
    expect(failed(fixed)).to.deep.equal([]);
    expect(fixed.find(({ name }) => name === 'migration: state is saved')?.reason).to.equal(
      'the device has no migration: DEVICE_FEATURE was refused with ENOTSUP',
    );
    const capabilities = { ...ourVersion.capabilities, migration: { pgsize: 4096 } };
    const payload = encodeVersion({ ...ourVersion, capabilities });
    const faults = [on(commands.VERSION, { kind: 'answer', payload })];
    const older = await serve({ faults, model: { migratable: false } });
    expect(
      (await results(older, older)).find(({ name }) => name === 'migration: from one server to another'),
    ).to.include({
      verdict: 'skipped',
      reason: 'the device has the migration of an older protocol alone: DEVICE_FEATURE was refused with ENOTSUP',
    });
  });

  for (const [title, wish, name, message] of faulty) {
    it(`finds a server that ${title}`, async () => {
      const waits = wish.faults?.some(({ does: { kind } }) => ['late', 'half', 'silence'].includes(kind));
      const result = (await results(await serve(wish), undefined, waits === true ? 500 : 10_000)).find(
        (one) => one.name === name,
      );
      expect(result?.verdict).to.equal('failed');
      expect(result?.findings[0]?.message).to.match(message);
      expect(result?.findings[0]?.exchange).to.be.an('array');
    });
  }

  it('shows the refused write of seed 003 byte by byte, and that nothing has changed', async () => {
    const all = await results(await serve({ faults: [refusedWrite(0x87, 2, constants.errno.EINVAL)] }));
    const [finding] = failed(all)[0]?.findings ?? [];
    const sent =
      /^>> .. .. 0a 00 22 00 00 00 00 00 00 00 00 00 00 00 \| 87 00 00 00 00 00 00 00 07 00 00 00 02 00 00 00 \| 80 00$/;
    expect(finding?.exchange[0]).to.match(sent);
    expect(finding?.exchange[1]).to.match(/^<< .. .. 0a 00 10 00 00 00 21 00 00 00 16 00 00 00$/);
    expect(finding?.exchange[3]).to.match(/\| 11 a0 03 00 /);
    expect(failed(all).map((one) => one.name)).to.deep.equal([
      'MSI-X: 2 bytes 80 00 at +3',
      'MSI-X: 2 bytes c0 ff at +3',
    ]);
  });

  it('finds the three writes that libvfio-user refused before 2d1d870, and nothing else', async () => {
    const { EINVAL } = constants.errno;
    const all = await results(await serve({ faults: [refusedWrite(0x87, 2, EINVAL), refusedWrite(0x87, 1, EINVAL)] }));
    expect(failed(all).map(({ name }) => name)).to.deep.equal([
      'MSI-X: 2 bytes 80 00 at +3',
      'MSI-X: 1 byte 80 at +3',
      'MSI-X: 2 bytes c0 ff at +3',
    ]);
  });

  it('notes a server that refuses what no driver writes', async () => {
    const { EPERM } = constants.errno;
    const all = await results(await serve({ faults: [refusedWrite(0x84, 4, EPERM), refusedWrite(0x84, 12, EPERM)] }));
    expect(failed(all)).to.deep.equal([]);
    expect(all.flatMap(({ notes }) => notes)).to.have.length(2);
    expect(all.flatMap(({ notes }) => notes)[1]).to.match(/at 0x84 is refused: REGION_WRITE was refused with EPERM$/);
    const kept = await results(await serve({ faults: [on(commands.DEVICE_RESET, pretend)] }));
    expect(kept.flatMap(({ notes }) => notes)).to.include('a reset leaves MSI-X enabled');
    const wide = await results(await serve({ faults: [on(commands.DMA_MAP, pretend)] }));
    expect(wide.find(({ name }) => name === 'malformed: DMA_MAP beyond 64 bits')).to.deep.include({
      verdict: 'passed',
      notes: [
        'DMA_MAP beyond 64 bits was answered as if it had been done: memory that goes on beyond the last address, of which the specification does not speak',
      ],
    });
  });

  it('finds a second server that refuses the replay', async () => {
    const to = await serve({ faults: [refusedWrite(0x87, 2, constants.errno.EINVAL)] });
    const [one, ...others] = failed(await results(await serve(), to));
    expect(others).to.deep.equal([]);
    expect(one?.name).to.equal('migration: from one server to another');
    expect(one?.findings.map(({ message }) => message)).to.deep.equal([
      'the replay of MSI-X Message Control, 2 bytes at 0x87, is refused: REGION_WRITE was refused with EINVAL',
      'configuration space reads otherwise on the second server at 0x87',
    ]);
  });

  it('finds a second server with other contents', async () => {
    const to = await serve({ model: { vendorSpecific: { offset: 0xa0, contents: Buffer.from('godwit VSC') } } });
    const [one] = failed(await results(await serve(), to));
    expect(one?.findings[0]?.message).to.equal(
      'configuration space reads otherwise on the second server at 0xaa, 0xab, 0xac',
    );
  });

  it('gives up a server that hangs at once', async () => {
    const all = await results(await serve({ faults: [{ does: { kind: 'silence' } }] }), undefined, 300);
    expect(failed(all).map(({ name }) => name)).to.deep.equal(['version: 0.0 is negotiated']);
    expect(all.filter(({ verdict }) => verdict === 'skipped')).to.have.length(all.length - 1);
    expect(all[1]?.reason).to.match(/^the server takes no client: the server did not answer VERSION within \d+ ms$/);
  });

  it('gives up a server that drips', async () => {
    const all = await results(await serve({ faults: [{ does: { kind: 'late', ms: 60 } }] }), undefined, 300);
    const [one] = failed(all);
    expect(one?.findings.map(({ message }) => message)).to.deep.equal([
      'the server is too slow: a check was not over after 3000 ms',
    ]);
    expect(all.at(-1)?.verdict).to.equal('skipped');
  });

  it('finds counts and sizes that cannot be', async () => {
    const most = Buffer.alloc(16, 0xff);
    const config = regionInfo.encode({
      argsz: 32,
      flags: 3,
      index: 7,
      capOffset: 0,
      size: (1n << 64n) - 1n,
      offset: 0n,
    });
    const answer = (payload: Buffer): Fault['does'] => ({ kind: 'answer', payload });
    const wrong: [Fault, RegExp][] = [
      [on(commands.DEVICE_GET_INFO, answer(most)), /^DEVICE_GET_REGION_INFO was refused with EINVAL$/],
      [on(commands.DEVICE_GET_REGION_INFO, answer(config)), /^region 0 was asked for, and 7 answered$/],
      // The tenth is the one of configuration space alone, after those of all nine.
      [
        on(commands.DEVICE_GET_REGION_INFO, answer(config), { nth: 10 }),
        /^configuration space has 18446744073709551615 bytes, and only 256 and 4096 are possible$/,
      ],
    ];
    for (const [fault, message] of wrong) {
      const all = await results(await serve({ faults: [fault] }));
      const found = all.find(({ name }) => name === 'regions: each has its info');
      expect(found?.findings[0]?.message).to.match(message);
    }
  });

  it('says that nobody listens', async () => {
    await failure(results(join(folder.path, 'nobody')), ConnectError);
  });
});
