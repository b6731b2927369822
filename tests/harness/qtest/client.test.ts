import { expect } from 'chai';
import fc from 'fast-check';
import { Deadline } from '../../../harness/core/deadline.js';
import { ConnectError, ProtocolError, WaitTimeoutError } from '../../../harness/core/errors.js';
import type { Machine } from '../../../harness/machine/machine.js';
import { QtestClient } from '../../../harness/qtest/client.js';
import { failure } from '../support/failure.js';
import { Launchpad, pidOf } from '../support/launchpad.js';
import { SocketPair } from '../support/peer.js';

/** Second byte of PIC 1's interrupt mask, free to write and read back. */
const interruptMaskPort = 0x21;
const mebibyte = 1024 * 1024;

/**
 * Against real QEMU, an old and a recent one:
 * 1. Ports and memory hold what is written, in every width; blocks of any size, anywhere.
 * 2. Interrupt lines are told apart from answers, wherever they come between.
 * 3. Refusal, silence and death each reject what is in flight, and what comes later.
 */
for (const build of ['bookworm', 'trixie'] as const) {
  describe(`qtest of ${build}`, () => {
    let pad: Launchpad;
    let machine: Machine;
    let qtest: QtestClient;

    before(async () => {
      pad = new Launchpad();
      machine = await pad.launch({ build, machineType: 'q35', words: ['-serial', 'null'] });
      ({ qtest } = machine);
    });

    after(() => pad[Symbol.asyncDispose]());

    it('reads and writes ports', async () => {
      await qtest.out(interruptMaskPort, 1, 0x5a);
      expect(await qtest.in(interruptMaskPort, 1)).to.equal(0x5a);
      await qtest.out(0xcf8, 4, 0x80000000);
      expect(await qtest.in(0xcfc, 2)).to.equal(0x8086);
      expect((await qtest.in(0xcfc, 4)) >>> 0).to.equal(0x29c08086);
    });

    it('reads and writes memory', async () => {
      await qtest.writeMemory(0x1000, 4, 0xfedcba98);
      expect(await qtest.readMemory(0x1000, 4)).to.equal(0xfedcba98);
      expect(await qtest.readMemory(0x1002, 2)).to.equal(0xfedc);
      await qtest.writeMemory(0x1001, 1, 0x11);
      await qtest.writeMemory(0x1002, 2, 0x2233);
      expect(await qtest.readMemory(0x1000, 4)).to.equal(0x22331198);
      expect((await qtest.readBlock(0x1000, 4)).toString('hex')).to.equal('98113322');
    });

    it('takes a mebibyte and a bit there and back', async () => {
      const size = mebibyte + 77;
      const block = Buffer.alloc(size, Buffer.from(Array.from({ length: 251 }, (_, byte) => byte)));
      await qtest.writeBlock(2 * mebibyte, block);
      expect((await qtest.readBlock(2 * mebibyte, size)).equals(block)).to.equal(true);
      expect(await qtest.readMemory(2 * mebibyte + 250, 1)).to.equal(250);
    });

    it('keeps random blocks at random addresses apart', async () => {
      const block = fc.record({
        address: fc.integer({ min: 4 * mebibyte, max: 5 * mebibyte }),
        bytes: fc.uint8Array({ maxLength: 300 }),
      });
      const size = mebibyte + 512;
      const memory = Buffer.alloc(size);
      await qtest.writeBlock(4 * mebibyte, memory);
      await fc.assert(
        fc.asyncProperty(fc.array(block, { maxLength: 20 }), async (blocks) => {
          for (const { address, bytes } of blocks) memory.set(bytes, address - 4 * mebibyte);
          await Promise.all(blocks.map(({ address, bytes }) => qtest.writeBlock(address, bytes)));
          const read = await Promise.all(blocks.map(({ address, bytes }) => qtest.readBlock(address, bytes.length)));
          for (const [index, { address, bytes }] of blocks.entries()) {
            const from = address - 4 * mebibyte;
            expect(read[index]?.equals(memory.subarray(from, from + bytes.length))).to.equal(true);
          }
        }),
        { numRuns: 30 },
      );
      expect((await qtest.readBlock(4 * mebibyte, size)).equals(memory)).to.equal(true);
    });

    it('tells interrupt lines apart from the answers that they come between', async () => {
      await using here = new Launchpad();
      const lines: string[] = [];
      const one = await here.launch({
        build,
        machineType: 'q35',
        words: ['-device', 'isa-serial,chardev=c0', '-chardev', 'null,id=c0'],
      });
      await one.qtest.interceptIrq('in', 'ioapic');
      one.qtest.irqs.listen(({ line, level }) => lines.push(`${level} ${line}`));
      // Interrupts enabled for an empty transmitter raise COM1's line at once; disabled, they lower it.
      const raised = one.qtest.irqs.until({
        what: 'a raised line',
        goal: (seen) => (seen.level === 'raise' ? seen.line : undefined),
        deadline: Deadline.after(5000),
      });
      await one.qtest.out(0x3fc, 1, 0x08);
      for (let round = 0; round < 50; round += 1) {
        const answers = await Promise.all([
          one.qtest.out(0x3f9, 1, 0x02),
          one.qtest.in(0x3f9, 1),
          one.qtest.out(0x3f9, 1, 0x00),
          one.qtest.in(0x3f9, 1),
          one.qtest.readMemory(0x1000, 2),
        ]);
        expect(answers).to.deep.equal([undefined, 2, undefined, 0, 0]);
      }
      expect(await raised).to.equal(4);
      expect(lines).to.deep.equal(Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? 'raise 4' : 'lower 4')));
    });

    it('rejects what QEMU refuses, and goes on', async () => {
      const refused = await failure(qtest.command('migrate to Tasmania'), ProtocolError);
      expect(refused.message).to.match(/^qtest answered 'FAIL .*' to 'migrate to Tasmania'$/);
      expect((await failure(qtest.interceptIrq('in', '/nowhere'), ProtocolError)).message).to.match(/FAIL/);
      expect(await qtest.in(interruptMaskPort, 1)).to.equal(0x5a);
    });

    it('sends no second command that hides behind a line feed', async () => {
      const refused = await failure(qtest.command('outb 0x21 0\noutb 0x21 1'), ProtocolError);
      expect(refused.message).to.equal('a qtest command is one line; given: "outb 0x21 0\\noutb 0x21 1"');
      expect(await qtest.in(interruptMaskPort, 1)).to.equal(0x5a);
    });

    it('fails what is in flight when QEMU dies', async () => {
      await using here = new Launchpad();
      const victim = await here.launch({ build });
      process.kill(pidOf(victim), 'SIGSTOP');
      const irq = victim.qtest.irqs.until({ what: 'it', goal: (seen) => seen, deadline: Deadline.after(5000) });
      const failures = [victim.qtest.in(0x21, 1), victim.qtest.writeMemory(0, 1, 0)].map((access) =>
        failure(access, ConnectError),
      );
      await victim.kill();
      for (const error of await Promise.all(failures)) expect(error.message).to.match(/^qtest: the connection/);
      await failure(irq, ConnectError);
      await failure(victim.qtest.in(0x21, 1), ConnectError);
    });
  });
}

/** What a real QEMU will not do on demand: silence, garbage, and lines that are cut. */
describe('a qtest server that misbehaves', () => {
  it('says nothing', async () => {
    await using pair = await SocketPair.open();
    await using qtest = new QtestClient(pair.here, { commandTimeoutMs: 20 });
    const both = [qtest.in(0x21, 1), qtest.in(0x22, 1)].map((access) => failure(access, WaitTimeoutError));
    for (const error of await Promise.all(both)) {
      expect(error.message).to.equal("qtest did not answer 'inb 0x21' within 20 ms");
    }
    await failure(qtest.in(0x21, 1), ConnectError);
  });

  it('answers slowly, and each in time', async () => {
    await using pair = await SocketPair.open();
    await using qtest = new QtestClient(pair.here, { commandTimeoutMs: 200 });
    pair.onLine(() => undefined);
    let left = 5;
    const answer = setInterval(() => {
      pair.there.write('OK 0x0007\n');
      if ((left -= 1) === 0) clearInterval(answer);
    }, 60);
    const answers = Array.from({ length: 5 }, () => qtest.in(0x21, 1));
    expect(await Promise.all(answers)).to.deep.equal([7, 7, 7, 7, 7]);
  });

  it('says what nobody asked for', async () => {
    await using pair = await SocketPair.open();
    await using qtest = new QtestClient(pair.here);
    const irq = qtest.irqs.until({ what: 'it', goal: (seen) => seen, deadline: Deadline.after(5000) });
    pair.there.write('OK\n');
    expect((await failure(irq, ConnectError)).message).to.equal('qtest: qtest answered what was never asked: OK');
    expect(pair.here.destroyed).to.equal(true);
  });

  it('sends an interrupt that is none', async () => {
    await using pair = await SocketPair.open();
    await using qtest = new QtestClient(pair.here);
    const access = failure(qtest.in(0x21, 1), ConnectError);
    pair.there.write('IRQ wobble 4\n');
    expect((await access).message).to.equal('qtest: qtest sent an interrupt it cannot mean: IRQ wobble 4');
  });

  it('answers fewer bytes than were asked for', async () => {
    await using pair = await SocketPair.open();
    await using qtest = new QtestClient(pair.here);
    pair.onLine(() => void pair.there.write('OK AAAA\n'));
    const short = await failure(qtest.readBlock(0, 4), ProtocolError);
    expect(short.message).to.equal('qtest answered 3 bytes where 4 were asked for');
  });

  it('cuts its answers, with interrupts between', async () => {
    await using pair = await SocketPair.open();
    await using qtest = new QtestClient(pair.here);
    const lines: number[] = [];
    qtest.irqs.listen(({ line }) => lines.push(line));
    pair.onLine(() => {
      const bytes = [...Buffer.from('IRQ raise 11\nOK 0x0042\nIRQ lower 11\n')];
      for (const byte of bytes) pair.there.write(Buffer.from([byte]));
    });
    expect(await qtest.in(0x21, 1)).to.equal(0x42);
    expect(await qtest.in(0x21, 1)).to.equal(0x42);
    expect(lines.slice(0, 3)).to.deep.equal([11, 11, 11]);
  });
});
