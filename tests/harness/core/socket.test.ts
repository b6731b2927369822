import { existsSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import tmp from 'tmp';
import { Deadline } from '../../../harness/core/deadline.js';
import { ConnectError, UsageError } from '../../../harness/core/errors.js';
import { dial, maxSocketPathBytes, parseSocketAddress, SocketListener } from '../../../harness/core/socket.js';
import { failure } from '../support/failure.js';

/**
 * 1. Addresses are read, or refused with what is accepted.
 * 2. Listening and dialling work, or fail with the address and the reason, soon.
 * 3. Nothing of a listener is left, whoever came or died.
 */
describe('sockets', () => {
  let folder: tmp.DirResult;

  beforeEach(() => {
    folder = tmp.dirSync({ unsafeCleanup: true });
  });

  afterEach(() => folder.removeCallback());

  it('reads addresses', () => {
    expect(parseSocketAddress('unix:/a b/c:d,e')).to.deep.equal({ path: '/a b/c:d,e' });
    expect(parseSocketAddress('tcp:127.0.0.1:4444')).to.deep.equal({ host: '127.0.0.1', port: 4444 });
    expect(parseSocketAddress('tcp:::1:65535')).to.deep.equal({ host: '::1', port: 65535 });
    for (const wrong of ['', 'unix:', 'tcp:host', 'tcp:host:', 'tcp:host:65536', 'tcp::1', '/a/path', 'udp:host:1']) {
      expect(() => parseSocketAddress(wrong), wrong)
        .to.throw(UsageError)
        .with.property('message', `'${wrong}' is no socket address; accepted: unix:PATH or tcp:HOST:PORT`);
    }
  });

  it('reads every port that there is', () => {
    fc.assert(
      fc.property(fc.nat(99_999), (port) => {
        if (port <= 65535) expect(parseSocketAddress(`tcp:h:${port}`)).to.deep.equal({ host: 'h', port });
        else expect(() => parseSocketAddress(`tcp:h:${port}`)).to.throw(UsageError);
      }),
    );
  });

  it('connects both ways, and one peer alone', async () => {
    const path = join(folder.name, 'socket');
    await using listener = await SocketListener.listen({ path });
    const here = await dial({ path }, Deadline.after(1000));
    const there = await listener.peer;
    there.write('hello');
    const [said] = (await once(here, 'data')) as [Buffer];
    expect(said.toString()).to.equal('hello');
    expect(existsSync(path)).to.equal(false);
    await failure(dial({ path }, Deadline.after(1000)), ConnectError);
  });

  it('listens on a free port of loopback too, for one peer alone', async () => {
    const loopback = { host: '127.0.0.1', port: 0 };
    await using listener = await SocketListener.listen(loopback);
    await using other = await SocketListener.listen(loopback);
    const ports = [listener, other].map(({ address }) => ('port' in address ? address.port : 0));
    expect(new Set([...ports, 0])).to.have.length(3);
    const here = await dial(listener.address, Deadline.after(1000));
    const there = await listener.peer;
    there.write('hello');
    const [said] = (await once(here, 'data')) as [Buffer];
    expect(said.toString()).to.equal('hello');
    await failure(dial(listener.address, Deadline.after(1000)), ConnectError);

    const taken = await failure(SocketListener.listen(other.address), ConnectError);
    expect(taken.message).to.match(new RegExp(`^could not listen on 127.0.0.1:${ports[1]}: .*EADDRINUSE`));
  });

  it('closes the connection and the socket when it is disposed', async () => {
    const path = join(folder.name, 'socket');
    const listener = await SocketListener.listen({ path });
    const here = connect(path);
    const there = await listener.peer;
    await listener[Symbol.asyncDispose]();
    await once(here.resume(), 'close');
    expect(there.destroyed).to.equal(true);

    await (await SocketListener.listen({ path }))[Symbol.asyncDispose]();
    expect(existsSync(path)).to.equal(false);
  });

  it('outlives a peer that dies before anybody has taken its connection', async () => {
    const path = join(folder.name, 'socket');
    await using listener = await SocketListener.listen({ path });
    const here = connect(path);
    const there = await listener.peer;
    const closed = new Promise((resolve) => there.once('close', resolve));
    // Ended with bytes unread, a connection is reset: what a QEMU does that dies under a command.
    there.write('unread');
    await once(here, 'readable');
    there.write('unread as well');
    here.destroy();
    there.resume();
    await closed;
    expect(there.destroyed).to.equal(true);
  });

  it('says why nobody can be listened for', async () => {
    const long = join(folder.name, 'x'.repeat(maxSocketPathBytes));
    const tooLong = await failure(SocketListener.listen({ path: long }), ConnectError);
    expect(tooLong.message).to.equal(`the socket path '${long}' is longer than 107 bytes`);
    const missing = join(folder.name, 'missing', 'socket');
    expect((await failure(SocketListener.listen({ path: missing }), ConnectError)).message).to.include(missing);
    const taken = join(folder.name, 'taken');
    writeFileSync(taken, '');
    expect((await failure(SocketListener.listen({ path: taken }), ConnectError)).message).to.match(
      /taken: .*EADDRINUSE/,
    );
  });

  it('says why nobody could be reached', async () => {
    const nobody = await failure(dial({ path: join(folder.name, 'nobody') }, Deadline.after(1000)), ConnectError);
    expect(nobody.message).to.match(/^could not connect to .*nobody: .*ENOENT/);
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const refused = await failure(dial({ host: '127.0.0.1', port }, Deadline.after(1000)), ConnectError);
    expect(refused.message).to.match(new RegExp(`^could not connect to 127.0.0.1:${port}: .*ECONNREFUSED`));
  });
});
