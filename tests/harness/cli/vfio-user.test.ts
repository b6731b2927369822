import { parseXml, XmlElement } from '@rgrove/parse-xml';
import { expect } from 'chai';
import { constants } from 'node:os';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach } from 'mocha';
import type { CheckResult } from '../../../harness/vfio/conformance/check.js';
import { type Fault, refusedWrite } from '../../../harness/vfio/server/faults.js';
import { VfioUserServer } from '../../../harness/vfio/server/server.js';
import { Sandbox } from './sandbox.js';

/**
 * `godwit vfio-user check`:
 * 1. a correct server: exit 0, a line for each check; with a second one its state is migrated
 * 2. the server of seed 003: exit 1, and the bytes of the refused write; the same in JSON and JUnit
 * 3. a server that hangs: exit 1, and it ends; one line for all checks that nobody was there for
 * 4. wrong usage: exit 2 with one sentence
 */
describe('godwit vfio-user check', () => {
  let sandbox: Sandbox;
  let servers: VfioUserServer[];
  beforeEach(() => {
    sandbox = new Sandbox();
    servers = [];
  });
  afterEach(() => {
    for (const server of servers) server.stop();
    sandbox[Symbol.dispose]();
  });

  async function serve(faults: readonly Fault[] = []): Promise<string> {
    const name = `s${servers.length}`;
    servers.push(await VfioUserServer.listen(sandbox.path(name), { faults }));
    return name;
  }

  const check = (...words: string[]) => sandbox.godwit('vfio-user', 'check', ...words);
  const seed003 = refusedWrite(0x87, 2, constants.errno.EINVAL);
  const sentBytes = '| 87 00 00 00 00 00 00 00 07 00 00 00 02 00 00 00 | 80 00';

  it('passes a correct server', async () => {
    const { exitCode, stdout, stderr } = await check(await serve(), '--to', await serve());
    expect(stderr).to.equal('');
    expect(exitCode).to.equal(0);
    expect(stdout).to.match(/^vfio-user server at s0\n {2}passed {3}version: 0.0 is negotiated\n/);
    expect(stdout).to.match(/\n {2}passed {3}migration: from one server to another\n/);
    expect(stdout).to.match(/\n\d+ checks: \d+ passed, 0 failed, 1 skipped$/);
  });

  it('finds the refused write of seed 003, in text, JSON and JUnit', async () => {
    const socket = await serve([seed003]);
    const { exitCode, stdout } = await check(socket, '--junit', 'junit.xml');
    expect(exitCode).to.equal(1);
    expect(stdout).to.include('  failed   MSI-X: 2 bytes 80 00 at +3\n').and.include(sentBytes);
    expect(stdout).to.match(/2 failed, 2 skipped$/);
    const suites = parseXml(readFileSync(sandbox.path('junit.xml'), 'utf8')).root;
    expect(suites?.attributes).to.include({ failures: '2', skipped: '2', errors: '0' });
    const cases = suites?.children.find((child) => child instanceof XmlElement)?.children ?? [];
    const failures = cases.filter(
      (one) =>
        one instanceof XmlElement &&
        one.children.some((child) => child instanceof XmlElement && child.name === 'failure'),
    );
    expect(failures).to.have.length(2);
    expect((failures[0] as XmlElement).text).to.include(sentBytes);

    const json = await check(socket, '--json');
    expect(json.exitCode).to.equal(1);
    const { checks } = JSON.parse(json.stdout) as { checks: CheckResult[] };
    const found = checks.find(({ name }) => name === 'MSI-X: 2 bytes 80 00 at +3');
    expect(found?.verdict).to.equal('failed');
    expect(found?.findings[0]?.exchange[0]).to.include(sentBytes);
  });

  it('ends with a server that hangs', async () => {
    const { exitCode, stdout } = await check(await serve([{ does: { kind: 'silence' } }]), '--timeout', '0.3');
    expect(exitCode).to.equal(1);
    const left =
      /^ {2}skipped {2}what was left, (\d+) checks: the server takes no client: the server did not answer VERSION within 300 ms$/m;
    const skipped = left.exec(stdout)?.[1];
    expect(stdout).to.match(new RegExp(`\n\\d+ checks: 0 passed, 1 failed, ${skipped} skipped$`));
  });

  it('says what is wrong with its words', async () => {
    writeFileSync(sandbox.path('file'), '');
    const socket = await serve();
    const wrong: [string[], RegExp][] = [
      [['nothing'], /^godwit: no vfio-user server: could not connect to nothing: .*ENOENT/],
      [['file'], /^godwit: no vfio-user server: could not connect to file: .*ECONNREFUSED/],
      [[socket, '--to', 'nothing'], /^godwit: no vfio-user server: could not connect to nothing/],
      [[socket, '--timeout', 'x'], /^godwit: --timeout x is no number of seconds/],
      [[socket, '--timeout', '0'], /^godwit: --timeout 0 is no number of seconds/],
      [[socket, '--junit', 'no/such/folder.xml'], /^godwit: the report no\/such\/folder.xml cannot be written/],
      [[], /missing required argument 'socket'/],
    ];
    for (const [words, message] of wrong) {
      const { exitCode, stdout, stderr } = await check(...words);
      expect(stderr).to.match(message);
      expect(exitCode, words.join(' ')).to.equal(2);
      expect(stdout).to.equal('');
    }
  });
});
