import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Deadline } from '../../../../harness/core/deadline.js';
import { ConnectError, UsageError } from '../../../../harness/core/errors.js';
import { dial, listenOn, parseSocketAddress, SocketListener } from '../../../../harness/core/socket.js';
import { failure } from '../../support/failure.js';
import { Launchpad } from '../../support/launchpad.js';
import { InnerSockets } from './inner-sockets.js';
import { UserNetwork } from './user-network.js';

const deadline = (): Deadline => Deadline.after(5000);

/**
 * The sockets of a QEMU in a nested guest, on a user network without a guest: this test is at both ends of it.
 * 1. A unix socket that a command line names becomes a port that leads to whoever listens on it; other words stay.
 * 2. So does one that QMP names, and where the QEMU is to listen, its path leads to a port of the guest; other lines stay, in their order.
 * 3. What one side sends to its end the other has whole, and may still answer; where nobody listens, it is closed. Nothing is left behind.
 * 4. A name that cannot be replaced is told, and closes the monitor.
 */
describe('sockets of a QEMU in a nested guest', () => {
  let pad: Launchpad;
  let network: UserNetwork;
  let sockets: InnerSockets;
  let faults: unknown[];

  beforeEach(async () => {
    pad = new Launchpad();
    network = new UserNetwork(await pad.launch({ machineType: 'q35', words: UserNetwork.words }));
    faults = [];
    sockets = new InnerSockets(network, (thrown) => faults.push(thrown));
  });

  afterEach(async () => {
    await sockets[Symbol.asyncDispose]();
    await pad[Symbol.asyncDispose]();
  });

  const at = (name: string): string => join(pad.folder, name);

  /** The other end of what the guest has as the host's port. */
  function fromGuest(word = ''): Promise<Socket> {
    const address = parseSocketAddress(word);
    expect(address).to.include({ host: '10.0.2.2' });
    return dial({ ...address, host: '127.0.0.1' }, deadline());
  }

  /** A monitor's two ends: `there` is the QEMU's. */
  async function monitor(): Promise<Record<'here' | 'there', Socket>> {
    const { peer } = await SocketListener.listen({ path: at('qmp') });
    const [, word] = await sockets.words(['-qmp', `unix:${at('qmp')}`]);
    return { there: await fromGuest(word), here: await peer };
  }

  it('leads a socket of the command line to whoever listens there, comma and all', async () => {
    await using listener = await SocketListener.listen({ path: at('a,b') });
    const words = await sockets.words(['-serial', `unix:${at('a,,b')}`, '-chardev', 'socket,path=/a', 'unix:relative']);
    expect([words[0], ...words.slice(2)]).to.deep.equal(['-serial', '-chardev', 'socket,path=/a', 'unix:relative']);
    const there = await fromGuest(words[1]);
    const here = await listener.peer;
    there.end('all of it');
    expect(await text(here)).to.equal('all of it');
    await sockets[Symbol.asyncDispose]();
    await failure(fromGuest(words[1]), ConnectError);
  });

  it('leads a migration to whoever listens there, as often as the source connects', async () => {
    const { here, there } = await monitor();
    here.write(`{"execute":"query-status","id":1}\n`);
    here.write(`{"execute":"migrate","arguments":{"uri":"unix:${at('relay')}"},"id":2}\n{"execute":"stop","id":3}\n`);
    const [first, second = '', third] = await linesOf(there, 3);
    expect([first, third]).to.deep.equal(['{"execute":"query-status","id":1}', '{"execute":"stop","id":3}']);
    const asked = JSON.parse(second) as { execute: string; arguments: { uri: string }; id: number };
    expect(asked).to.include({ execute: 'migrate', id: 2 });
    const tooEarly = await fromGuest(asked.arguments.uri);
    expect(await text(tooEarly)).to.equal('');
    const relay = createServer({ allowHalfOpen: true });
    await listenOn(relay, { path: at('relay') });
    for (const channel of ['main', 'second']) {
      const connected = once(relay, 'connection');
      const source = await fromGuest(asked.arguments.uri);
      source.end(channel);
      const [peer] = (await connected) as [Socket];
      const ended = once(peer, 'end');
      expect(String(await once(peer, 'data'))).to.equal(channel);
      await ended;
      // The end of what is sent one way is not that of the other.
      peer.end('answer');
      expect(await text(source)).to.equal('answer');
    }
    relay.close();
    there.write('{"return":{}}\n');
    expect(await linesOf(here, 1)).to.deep.equal(['{"return":{}}']);
  });

  it('leads a path to the port of the guest on which a destination is to listen', async () => {
    const { here, there } = await monitor();
    const uris: string[] = [];
    for (const name of ['one', 'two']) {
      here.write(`{"execute":"migrate-incoming","arguments":{"uri":"unix:${at(name)}"},"id":1}\n`);
      const [line = ''] = await linesOf(there, 1);
      uris.push((JSON.parse(line) as { arguments: { uri: string } }).arguments.uri);
      expect(existsSync(at(name))).to.equal(true);
    }
    expect(uris).to.deep.equal(['tcp:10.0.2.15:1024', 'tcp:10.0.2.15:1025']);
    // The network takes it, on behalf of a guest that is not there.
    connect(at('one')).on('error', () => undefined);
    await sockets[Symbol.asyncDispose]();
    expect(existsSync(at('one'))).to.equal(false);
  });

  it('forwards a port for as long as it is wanted', async () => {
    const { inside, outside, ...way } = await network.forward();
    expect(inside).to.deep.equal({ host: '10.0.2.15', port: 1024 });
    (await dial(outside, deadline())).destroy();
    await way[Symbol.asyncDispose]();
    await failure(dial(outside, deadline()), ConnectError);
    expect(() => network.outward({ path: '/a' })).to.throw(UsageError, '/a is no TCP port');
  });

  it('closes a monitor over which a name comes that it cannot replace', async () => {
    const { here, there } = await monitor();
    here.write(`{"execute":"migrate-incoming","arguments":{"uri":"unix:${at('missing/one')}"}}\n`);
    await once(there.resume(), 'close');
    expect(faults).to.have.length(1);
    expect(faults[0]).to.be.instanceOf(ConnectError);
  });
});

/** The next lines that come, so many; whatever comes after is left. */
function linesOf(wire: Socket, count: number): Promise<string[]> {
  return new Promise((resolve) => {
    let all = '';
    const take = (chunk: Buffer): void => {
      all += chunk.toString();
      const lines = all.split('\n').slice(0, -1);
      if (lines.length < count) return;
      wire.off('data', take);
      resolve(lines);
    };
    wire.on('data', take);
  });
}
