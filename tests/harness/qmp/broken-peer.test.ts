import { expect } from 'chai';
import fc from 'fast-check';
import { Deadline } from '../../../harness/core/deadline.js';
import { ConnectError, ProtocolError, WaitTimeoutError } from '../../../harness/core/errors.js';
import { QmpClient, type QmpClientOptions } from '../../../harness/qmp/client.js';
import { ExecuteError, ExecuteInterruptedError } from '../../../harness/qmp/errors.js';
import { parseMessage } from '../../../harness/qmp/messages.js';
import { failure } from '../support/failure.js';
import { SocketPair } from '../support/peer.js';

const greeting = '{"QMP":{"version":{"qemu":{"major":1,"minor":2,"micro":3},"package":""},"capabilities":["oob"]}}\r\n';

interface Sent {
  execute: string;
  /** The only command in flight has none. */
  id?: number;
}

/** The id of an answer, where the command had one. */
function named(id: number | undefined): string {
  return id === undefined ? '' : `,"id":${id}`;
}

/** A QMP server that negotiates properly, and then does with each command what `play` does. */
async function playing(
  pair: SocketPair,
  play: (command: Sent) => void,
  options: Partial<QmpClientOptions> = {},
): Promise<QmpClient> {
  pair.onLine((line) => {
    const command = JSON.parse(line) as Sent;
    if (command.execute === 'qmp_capabilities') pair.there.write(`{"return":{}${named(command.id)}}\r\n`);
    else play(command);
  });
  pair.there.write(greeting);
  return QmpClient.connect(pair.here, { deadline: Deadline.after(2000), ...options });
}

const garbage = [
  'what is this',
  '[]',
  '5',
  'null',
  '{}',
  '{"event":5}',
  '{"error":null,"id":2}',
  '{"error":{"class":"GenericError"},"id":2}',
  '{"QMP":{}}',
  '{"return":{},"id"',
];

/**
 * What a real QEMU will not do on demand:
 * 1. Garbage, silence, half a line, a reset: each fails soon, with a GodwitError, and ends what waits.
 * 2. An answer is whole however it is cut, and belongs to nobody when it comes too late.
 */
describe('a QMP server that misbehaves', () => {
  for (const line of garbage) {
    it(`says ${line} for an answer`, async () => {
      await using pair = await SocketPair.open();
      await using qmp = await playing(pair, () => void pair.there.write(`${line}\n`));
      const event = qmp.events.until({ what: 'an event', goal: (seen) => seen, deadline: Deadline.after(2000) });
      const error = await failure(qmp.execute('query-status'), ExecuteInterruptedError);
      expect(error.cause).to.be.instanceOf(ProtocolError);
      expect(error.message).to.include('the QMP server sent what is no ');
      await failure(event, ConnectError);
      expect(pair.here.destroyed).to.equal(true);
    });

    it(`says ${line} for a greeting`, async () => {
      await using pair = await SocketPair.open();
      pair.there.write(`${line}\n`);
      const connecting = QmpClient.connect(pair.here, { deadline: Deadline.after(2000) });
      expect((await failure(connecting, ConnectError)).message).to.match(/^QMP: the QMP server sent what is no /);
    });
  }

  it('quotes no more than a little of what it cannot read', () => {
    expect(() => parseMessage('x'.repeat(100_000)))
      .to.throw(ProtocolError)
      .with.property('message')
      .that.matches(/… \(100000 characters\)$/)
      .and.has.property('length')
      .below(400);
  });

  it('refuses a message without saying which: the one that has no id, and after that nobody knows', async () => {
    await using pair = await SocketPair.open();
    const refusal = '{"error":{"class":"GenericError","desc":"JSON parse error"}}\n';
    await using qmp = await playing(pair, () => void pair.there.write(refusal));
    const [first, second] = await Promise.all([
      failure(qmp.execute('query-status'), ExecuteError),
      failure(qmp.execute('query-name'), ExecuteInterruptedError),
    ]);
    expect(first.message).to.equal('query-status: JSON parse error');
    expect(second.message).to.include('the QMP server refused a message: JSON parse error');
  });

  it('does not greet', async () => {
    await using pair = await SocketPair.open();
    const connecting = QmpClient.connect(pair.here, { deadline: Deadline.after(20) });
    expect((await failure(connecting, WaitTimeoutError)).message).to.equal('no QMP greeting came within 20 ms');
    expect(pair.here.destroyed).to.equal(true);
  });

  it('greets and does not negotiate', async () => {
    await using pair = await SocketPair.open();
    pair.there.write(greeting);
    const connecting = QmpClient.connect(pair.here, { deadline: Deadline.after(300) });
    expect((await failure(connecting, WaitTimeoutError)).message).to.match(/did not answer qmp_capabilities/);
  });

  it('closes in the middle of a line', async () => {
    await using pair = await SocketPair.open();
    await using qmp = await playing(pair, ({ id }) => void pair.there.end(`{"return":{}${named(id)}`));
    const error = await failure(qmp.execute('query-status'), ExecuteInterruptedError);
    expect(error.message).to.equal('query-status was sent, and the connection was closed before the answer came');
  });

  it('closes before it greets', async () => {
    await using pair = await SocketPair.open();
    pair.there.end();
    await failure(QmpClient.connect(pair.here, { deadline: Deadline.after(2000) }), ConnectError);
  });

  it('was gone before anybody asked', async () => {
    await using pair = await SocketPair.open();
    const closed = new Promise((resolve) => pair.here.once('close', resolve));
    pair.here.destroy();
    await closed;
    const error = await failure(QmpClient.connect(pair.here, { deadline: Deadline.after(2000) }), ConnectError);
    expect(error.message).to.equal('QMP: the connection was closed');
  });

  it('resets the connection', async () => {
    await using pair = await SocketPair.open();
    await using qmp = await playing(pair, () => {
      // With bytes unread, closing is a reset.
      pair.there.pause();
      qmp.execute('quit').catch(() => undefined);
      setImmediate(() => pair.there.destroy());
    });
    const error = await failure(qmp.execute('query-status'), ExecuteInterruptedError);
    expect(error.message).to.match(/the connection broke: read ECONNRESET/);
  });

  it('answers after nobody waits any more', async () => {
    await using pair = await SocketPair.open();
    const held: Sent[] = [];
    await using qmp = await playing(pair, (command) => void held.push(command), { commandTimeoutMs: 20 });
    await failure(qmp.execute('query-status'), WaitTimeoutError);
    const next = qmp.execute('query-name', undefined, { deadline: Deadline.after(2000) });
    await new Promise((resolve) => setTimeout(resolve, 5));
    for (const { id, execute } of held) pair.there.write(`{"return":"${execute}"${named(id)}}\n`);
    expect(held).to.have.length(2);
    expect(await next).to.equal('query-name');
  });

  it('answers out of order, with events between', async () => {
    await using pair = await SocketPair.open();
    const held: Sent[] = [];
    await using qmp = await playing(pair, (command) => {
      held.unshift(command);
      if (held.length < 3) return;
      const event = '{"event":"NOISE","timestamp":{"seconds":1,"microseconds":2}}';
      pair.there.write(held.map(({ id, execute }) => `${event}\n{"return":"${execute}"${named(id)}}\n`).join(''));
    });
    const names = ['query-status', 'query-name', 'query-uuid'];
    expect(await Promise.all(names.map((name) => qmp.execute(name)))).to.deep.equal(names);
  });

  it('sends an answer cut anywhere', async () => {
    const places = fc.uniqueArray(fc.nat(120), { maxLength: 4 });
    await using pair = await SocketPair.open();
    let cuts: number[] = [];
    await using qmp = await playing(pair, ({ id }) => {
      const bytes = Buffer.from(`{"event":"🐦","timestamp":{}}\r\n{"return":{"name":"Godwit 🐦 \\n"}${named(id)}}\r\n`);
      const ends = [...cuts.sort((a, b) => a - b), bytes.length];
      const write = (from: number, [end = bytes.length, ...more]: number[]): void => {
        pair.there.write(bytes.subarray(from, end));
        if (more.length > 0) setImmediate(() => write(end, more));
      };
      write(0, ends);
    });
    await fc.assert(
      fc.asyncProperty(places, async (drawn) => {
        cuts = drawn;
        expect(await qmp.execute('query-name')).to.deep.equal({ name: 'Godwit 🐦 \n' });
      }),
      { numRuns: 60 },
    );
  });

  it('sends an answer byte by byte', async () => {
    await using pair = await SocketPair.open();
    await using qmp = await playing(pair, ({ id }) => {
      const write = ([byte, ...more]: number[]): void => {
        if (byte === undefined) return;
        pair.there.write(Buffer.from([byte]));
        setImmediate(() => write(more));
      };
      write([...Buffer.from(`{"return":"ßß🐦"${named(id)}}\r\n`)]);
    });
    expect(await qmp.execute('query-name')).to.equal('ßß🐦');
  });
});
