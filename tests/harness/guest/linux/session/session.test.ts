import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Duplex } from 'node:stream';
import { expect } from 'chai';
import fc from 'fast-check';
import { Deadline } from '../../../../../harness/core/deadline.js';
import { ConnectError, GuestError } from '../../../../../harness/core/errors.js';
import { ShellSession } from '../../../../../harness/guest/linux/session/session.js';
import { questionLine } from '../../../../../harness/guest/linux/session/shell-line.js';
import { PrivateFolder } from '../../../../../harness/machine/private-folder.js';
import { failure } from '../../../support/failure.js';
import { SocketPair } from '../../../support/peer.js';
import { busyboxShell, Terminal } from './terminal.js';

const soon = { timeoutMs: 10_000 };
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
const open = (wire: Duplex, ms = 10_000) => ShellSession.open(wire, { deadline: Deadline.after(ms) });

/** What a user's own system may have, with prompts, echo and line editors as they come. */
const shells = async () => [await busyboxShell(), 'dash -i', 'bash --norc -i'];

/**
 * 1. What a command prints comes back byte for byte, with its status, whatever the text of the command.
 * 2. Shells with prompts, echo and line editors serve as well; a login gets its name, and a password none.
 * 3. A command that does not end, floods, or ends its shell is named, and the next one runs all the same.
 * 4. A command is run once although its wire changes, and what the old wire still carries comes first.
 * 5. A wire that is silent, babbles or closes fails whoever waits, in time.
 */
describe('a session with a shell', () => {
  it('takes any command, and returns what it printed', async () => {
    await using terminal = Terminal.open(await busyboxShell());
    await using session = await open(terminal.wire);
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.string({
        unit: fc.constantFrom("'", '"', '\\', '$', '`', '\n', '\t', '!', '\x03', '\x15', '\r', 'ü', '\x1e', '-', '%'),
      }),
    );
    await fc.assert(
      fc.asyncProperty(text, fc.nat(255), async (given, status) => {
        // What is sent is UTF-8, in which a lone surrogate cannot be.
        const wanted = Buffer.from(given.replaceAll('\0', '')).toString();
        const result = await session.run(`(printf %s ${quoted(wanted)}; exit ${status})`, soon);
        expect(result).to.deep.equal({ output: wanted, status });
      }),
      { numRuns: 150 },
    );
  });

  it('opens with whatever shell there is', async () => {
    for (const shell of await shells()) {
      await using terminal = Terminal.open(shell);
      await using session = await open(terminal.wire);
      expect(await session.run('cd /; x=5; printf "a\\r\\nb"', soon), shell).to.deep.equal({
        output: 'a\r\nb',
        status: 0,
      });
      expect((await session.run('echo $x; pwd; cat', soon)).output, shell).to.equal('5\n/\n');
      const wrong = await session.run('if', soon);
      expect(wrong.status, shell).to.equal(2);
      expect(wrong.output, shell).to.match(/syntax error/i);
      const long = 'é'.repeat(1490);
      expect((await session.run(`echo ${long}`, soon)).output, shell).to.equal(`${long}\n`);
      expect((await session.run("-x '!' 2>/dev/null", soon)).status, shell).to.equal(127);
    }
  });

  it('asks so that half a question leaves nothing open', async () => {
    const question = questionLine('1');
    // Within the redirection, the format and its escapes.
    for (const length of [20, 21, 48, 52, question.length - 3]) {
      await using terminal = Terminal.open(await busyboxShell());
      terminal.wire.write(`${question.slice(0, length)}\n`);
      await using session = await open(terminal.wire, 3000);
      expect((await session.run('echo whole', soon)).output, `cut after ${length}`).to.equal('whole\n');
    }
  });

  it('refuses what no line can carry', async () => {
    await using terminal = Terminal.open(await busyboxShell());
    await using session = await open(terminal.wire);
    expect((await failure(session.run('echo \0', soon), GuestError)).message).to.include('holds a NUL');
    expect((await failure(session.run('é'.repeat(1501), soon), GuestError)).message).to.equal(
      "a command for the guest has 3002 bytes: a terminal's lines carry up to 3000",
    );
    expect((await session.run('echo on', soon)).output).to.equal('on\n');
  });

  it('gives up a command that does not end, floods or ends its shell, and goes on', async () => {
    await using terminal = Terminal.open(`while :; do printf '\\036shell\\n'; ${await busyboxShell()}; done`);
    const record: string[] = [];
    await using session = await ShellSession.open(terminal.wire, {
      deadline: Deadline.after(10_000),
      tail: () => 'the console',
      onText: (direction, text) => void record.push(`${direction}${text}`),
    });
    const slow = await failure(session.run('echo \x07begun; sleep 60', { timeoutMs: 300 }), GuestError);
    expect(slow.message).to.match(
      /^'echo begun; sleep 60' did not end in the guest within 300 ms, and had begun; the last of its output:\nbegun\n.*console:\nthe console$/,
    );
    expect(await session.run('echo one', soon)).to.deep.equal({ output: 'one\n', status: 0 });
    const flood = await failure(session.run('yes', soon), GuestError);
    expect(flood.message).to.include('it printed more than 1048576 bytes').and.to.have.length.below(1000);
    expect(await session.run('echo two', soon)).to.deep.equal({ output: 'two\n', status: 0 });
    const ended = await failure(session.run('exit 3', soon), GuestError);
    expect(ended.message).to.include("the end of 'exit 3' cannot happen any more: its shell has ended");
    expect(await session.run('echo three', soon)).to.deep.equal({ output: 'three\n', status: 0 });
    const stubborn = await failure(session.run("trap '' INT; sleep 1", { timeoutMs: 100 }), GuestError);
    expect(stubborn.message).to.include('did not end in the guest within 100 ms');
    const unheard = await failure(session.run('echo four', { timeoutMs: 100 }), GuestError);
    expect(unheard.message).to.match(/^the guest's shell has not answered since 'trap .*' was given up: no shell/);
    expect(await session.run('echo five', soon)).to.deep.equal({ output: 'five\n', status: 0 });
    expect(record.some((line) => line.startsWith('>') && line.includes('echo one'))).to.equal(true);
    expect(record.some((line) => line.startsWith('<') && line.includes('one'))).to.equal(true);
  });

  it('hears signs of life between the letters of an output, and keeps them out of it', async () => {
    for (const shell of await shells()) {
      await using terminal = Terminal.open(shell);
      await using session = await open(terminal.wire);
      const startedMs = performance.now();
      await session.startTicking(5);
      const { output } = await session.run(
        'i=0; while [ $i -lt 20 ]; do printf $i,; sleep 0.01; i=$((i+1)); done',
        soon,
      );
      expect(output, shell).to.equal(Array.from({ length: 20 }, (_, index) => `${index},`).join(''));
      expect(session.ticks.count(startedMs, performance.now()), shell).to.be.above(3);
      expect(await session.ticks.gapUpToNext(startedMs, Deadline.after(5000))).to.be.above(0);
      expect(session.ticks.largestGapMs(0, startedMs)).to.equal(startedMs);
    }
  });

  it('runs a command once, although its wire changes', async () => {
    using folder = PrivateFolder.create();
    const file = join(folder.path, 'runs');
    await using terminal = Terminal.open(await busyboxShell());
    const [first, second] = [new Wire(terminal.wire), new Wire(terminal.wire)];
    first.connect();
    await using session = await open(first.here);
    // Lost on its way; read by the shell, with the answer under way; and read by the terminal, while the shell is busy.
    first.loseInput = true;
    const lost = session.run(`echo lost >>${file}; echo lost`, soon);
    await turns();
    first.disconnect();
    second.connect();
    await session.moveTo(second.here);
    expect((await lost).output).to.equal('lost\n');

    const third = new Wire(terminal.wire);
    second.holdOutput();
    const read = session.run(`echo read >>${file}; echo read`, soon);
    await until(() => second.heldText.includes('read\n'));
    const moved = session.moveTo(third.here);
    second.releaseOutput();
    second.disconnect();
    third.connect();
    await moved;
    expect((await read).output).to.equal('read\n');

    const fourth = new Wire(terminal.wire);
    terminal.wire.write('sleep 0.2\n');
    const queued = session.run(`echo queued >>${file}; echo queued`, soon);
    await turns();
    third.disconnect();
    fourth.connect();
    await session.moveTo(fourth.here);
    expect((await queued).output).to.equal('queued\n');
    expect((await session.run(`cat ${file}`, soon)).output).to.equal('lost\nread\nqueued\n');
    expect(readFileSync(file, 'utf8')).to.equal('lost\nread\nqueued\n');
  });

  it('hears the old wire out before the new one', async () => {
    await using old = await SocketPair.open();
    await using fresh = await SocketPair.open();
    old.onLine((line) => {
      const id = /\\\\036(g\w+)\\\\041/.exec(line)?.[1];
      if (id !== undefined) old.there.write(`\x1e${id}!\n`);
    });
    await using session = await open(old.here);
    let begin: (id: string) => void = () => undefined;
    const begun = new Promise<string>((resolve) => (begin = resolve));
    old.onLine((line) => {
      const id = /_g=(g\w+);/.exec(line)?.[1];
      if (id !== undefined) begin(id);
    });
    const result = session.run('anything', soon);
    const id = await begun;
    const many = 'x'.repeat(300_000);
    old.there.write(`\x1e${id}<\nold${many}`);
    fresh.there.write(`new\x1e${id}>0\n`);
    await session.moveTo(fresh.here);
    old.there.destroy();
    expect((await result).output).to.equal(`old${many}new`);
  });

  it('answers a login with root, and gives up at a password', async () => {
    await using pair = await SocketPair.open();
    const heard: string[] = [];
    pair.onLine((line) => {
      heard.push(line);
      const id = /\\\\036(g\w+)\\\\041/.exec(line)?.[1];
      if (line === 'root') pair.there.write('Welcome\n# ');
      if (id !== undefined && heard.includes('root')) pair.there.write(`\x1e${id}!\n`);
    });
    pair.there.write('Debian GNU/Linux 12 vm ttyS0\n\nvm login: ');
    await using _session = await open(pair.here);
    expect(heard.filter((line) => line === 'root')).to.have.length(1);

    await using locked = await SocketPair.open();
    locked.onLine((line) => {
      if (line === 'root') locked.there.write('Password: ');
    });
    locked.there.write('vm login: ');
    const thrown = await failure(open(locked.here), GuestError);
    expect(thrown.message).to.equal('the guest asks for a password of root');
  });

  it('fails in time where there is no shell', async () => {
    await using silent = await SocketPair.open();
    const silence = await failure(open(silent.here, 300), GuestError);
    expect(silence.message).to.equal('no shell of the guest answered within 300 ms; nothing came from it');
    await using babbling = await SocketPair.open();
    babbling.onLine((line) => babbling.there.write(`${line}\n\x1b[31m\x1eg1x1!\n\x00\xff garbage\n`));
    const nonsense = await failure(open(babbling.here, 500), GuestError);
    expect(nonsense.message)
      .to.include('garbage')
      .and.not.match(/[\x00-\x09\x0b-\x1f]/);
    await using closing = await SocketPair.open();
    const opening = open(closing.here);
    closing.there.destroy();
    await failure(opening, ConnectError);
    await failure(open(closing.here), ConnectError);
  });

  it('fails when its wire closes, until it is given another', async () => {
    await using terminal = Terminal.open(await busyboxShell());
    const [first, second] = [new Wire(terminal.wire), new Wire(terminal.wire)];
    first.connect();
    await using session = await open(first.here);
    const result = session.run('sleep 0.2; echo x', soon);
    await turns();
    first.disconnect();
    first.here.destroy();
    await failure(result, ConnectError);
    await failure(session.run('echo x', soon), ConnectError);
    second.connect();
    await session.moveTo(second.here);
    expect((await session.run('echo y', soon)).output).to.equal('y\n');
  });
});

/** One wire to a terminal that several can be connected to, one after the other, as a guest's serial port has it. */
class Wire {
  private readonly toShell = new PassThrough();
  private readonly fromShell = new PassThrough();
  readonly here = Duplex.from({ readable: this.fromShell, writable: this.toShell });
  loseInput = false;
  heldText = '';
  private holding = false;
  private readonly onOutput = (chunk: Buffer): void => {
    if (this.holding) this.heldText += chunk.toString('latin1');
    else this.fromShell.write(chunk);
  };

  constructor(private readonly shell: Duplex) {
    this.toShell.on('data', (chunk: Buffer) => this.loseInput || shell.write(chunk));
    this.here.on('error', () => undefined);
  }

  connect(): void {
    this.shell.on('data', this.onOutput);
  }

  disconnect(): void {
    this.shell.off('data', this.onOutput);
  }

  holdOutput(): void {
    this.holding = true;
  }

  releaseOutput(): void {
    this.holding = false;
    this.fromShell.write(Buffer.from(this.heldText, 'latin1'));
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setImmediate(resolve));
}
