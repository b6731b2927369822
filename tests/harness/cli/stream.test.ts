import { expect } from 'chai';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { after, before } from 'mocha';
import { gunzipSync } from 'node:zlib';
import { edited } from '../support/edited.js';
import { Sandbox } from './sandbox.js';

/**
 * `godwit stream` on captures of real machines:
 * 1. show: sections with offsets and sizes, fields, configuration space in registers; parts of it on request; as JSON
 * 2. order: the sections, each rule; exit 1 when one is broken
 * 3. diff: what differs, and how much may; exit 1 when something differs that should not
 * 4. the same from standard input
 * 5. a file that is no stream or no whole one: the offset, what was expected there, exit 1; wrong words: exit 2
 */
describe('godwit stream', () => {
  let sandbox: Sandbox;
  let bytes: Buffer;
  before(() => {
    sandbox = new Sandbox();
    bytes = gunzipSync(readFileSync(new URL('../stream/captures/virt-7.2-gicv2.mig.gz', import.meta.url)));
    writeFileSync(sandbox.path('a.mig'), bytes);
    const port = '0000:00:01.0/pcie-root-port';
    writeFileSync(sandbox.path('b.mig'), edited(bytes, [{ change: port, field: 'config', byte: 0x6e, xor: 0x08 }]));
    writeFileSync(sandbox.path('ordered.mig'), edited(bytes, [{ move: 'arm_gic', before: port }]));
    writeFileSync(sandbox.path('cut.mig'), bytes.subarray(0, 5000));
    writeFileSync(sandbox.path('empty'), '');
    mkdirSync(sandbox.path('folder'));
  });
  after(() => sandbox[Symbol.dispose]());

  it('shows sections, fields and registers', async () => {
    const { exitCode, stdout } = await sandbox.godwit('stream', 'show', 'a.mig');
    expect(exitCode).to.equal(0);
    const lines = stdout.split('\n');
    expect(lines[0]).to.equal(`migration stream of virt-7.2, ${bytes.length} bytes`);
    expect(lines).to.include('          61          4137  full  0000:00:01.0/pcie-root-port');
    expect(lines).to.include('      0x06e Slot Status 0x0040 (PDS)');
    expect(stdout).to.match(/^arm_gic, version 12, \d+ bytes at \d+\n {2}ctlr/m);
  });

  it('shows parts on request', async () => {
    const sections = await sandbox.godwit('stream', 'show', 'a.mig', '--sections');
    expect(sections.stdout).to.include('globalstate').and.not.include('Slot Status');
    const one = await sandbox.godwit('stream', 'show', 'a.mig', '--device', 'root-port');
    expect(one.stdout).to.include('Slot Status').and.not.include('ctlr');
  });

  it('shows all of it as JSON', async () => {
    const { stdout } = await sandbox.godwit('stream', 'show', 'a.mig', '--json');
    const shown = JSON.parse(stdout) as {
      bytes: number;
      items: unknown[];
      devices: { name: string; fields: unknown[] }[];
    };
    expect(shown.bytes).to.equal(bytes.length);
    expect(shown.items).to.have.length.above(10);
    expect(JSON.stringify(shown.devices[0])).to.include('"name":"Slot Status","value":"0x0040","bits":["PDS"]');
  });

  it('checks the load order', async () => {
    const broken = await sandbox.godwit('stream', 'order', 'a.mig');
    expect(broken.exitCode).to.equal(1);
    expect(broken.stdout).to.match(
      /^BROKEN {2}interrupt controller before PCI config space: .*pcie-root-port is loaded before arm_gic;/m,
    );
    const { exitCode, stdout } = await sandbox.godwit('stream', 'order', 'ordered.mig');
    expect(exitCode).to.equal(0);
    expect(stdout)
      .to.match(/^ok {6}interrupt controller before PCI config space$/m)
      .and.not.include('BROKEN');
    const json = JSON.parse((await sandbox.godwit('stream', 'order', 'a.mig', '--json')).stdout) as {
      violations: unknown[];
    };
    expect(json.violations).to.have.length(1);
  });

  it('compares two streams', async () => {
    const same = await sandbox.godwit('stream', 'diff', 'a.mig', 'a.mig');
    expect(same).to.deep.equal({ exitCode: 0, stdout: 'no difference that should not be', stderr: '' });
    const { exitCode, stdout } = await sandbox.godwit('stream', 'diff', 'a.mig', 'b.mig');
    expect(exitCode).to.equal(1);
    expect(stdout).to.equal('0000:00:01.0/pcie-root-port: Slot Status PDC (config 0x6e): 0x40 against 0x48');
  });

  it('reads standard input', async () => {
    const ended = await sandbox.fed(bytes, 'stream', 'diff', 'b.mig', '-');
    expect(ended.exitCode).to.equal(1);
    expect(ended.stdout).to.include('0x48 against 0x40');
  });

  it('reads a pipe that makes it wait', async () => {
    const stdin = new PassThrough();
    const shown = sandbox.fed(stdin, 'stream', 'show', '--sections', '-');
    for (let at = 0; at < bytes.length; at += 9999) {
      stdin.write(bytes.subarray(at, at + 9999));
      await new Promise((resolve) => setImmediate(resolve));
    }
    stdin.end();
    expect((await shown).stdout).to.include('globalstate');
  });

  it('says where a file is no stream', async () => {
    const cases: [file: string, told: string | RegExp][] = [
      ['cut.mig', /^godwit: cut\.mig, offset \d+ \(0x[\da-f]+\): the stream ends where .* was expected$/],
      [
        'empty',
        "godwit: empty, offset 0 (0x0): the stream ends where the mark of a migration stream, 'QEVM', was expected",
      ],
      ['package.json', /^godwit: package\.json, offset 0 \(0x0\): 'QEVM' \(0x5145564d\) was expected/],
    ];
    for (const [file, told] of cases) {
      const { exitCode, stdout, stderr } = await sandbox.godwit('stream', 'show', file);
      expect({ exitCode, stdout }).to.deep.equal({ exitCode: 1, stdout: '' });
      if (typeof told === 'string') expect(stderr).to.equal(told);
      else expect(stderr).to.match(told);
    }
  });

  it('says what words it does not take', async () => {
    const cases: [words: string[], told: string][] = [
      [['show', 'no-such-file'], 'no-such-file cannot be read: ENOENT'],
      [['show', 'folder'], 'folder is a folder; a file with a migration stream was expected'],
      [['show', 'a.mig', '--device', '('], '--device ( is no regular expression'],
      [['diff', '-', '-'], 'only one of the two streams can come from standard input'],
      [['show'], "missing required argument 'file'"],
    ];
    for (const [words, told] of cases) {
      const { exitCode, stdout, stderr } = await sandbox.godwit('stream', ...words);
      expect({ exitCode, stdout }, words.join(' ')).to.deep.equal({ exitCode: 2, stdout: '' });
      expect(stderr).to.include(told);
    }
  });
});
