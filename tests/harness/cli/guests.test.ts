import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { guestKernel } from '../../../harness/build/deb/guest-kernel.js';
import { Deadline } from '../../../harness/core/deadline.js';
import { cpioArchive } from '../../../harness/guest/linux/image/cpio.js';
import { Sandbox } from './sandbox.js';

const mebibyte = 2 ** 20;

/**
 * 1. A user's own kernel, initramfs, words for the kernel and disk are what the guests of a run come up from; the disk stays as it is.
 * 2. Files that are not there, or do not go together, end the run before it begins.
 * 3. What does not boot, panics, hangs or floods fails its cell within the deadline, with what was awaited and the last that was said.
 * 4. Nothing is left.
 */
describe('godwit run with guests of the user', function () {
  this.timeout(120_000);
  let sandbox: Sandbox;

  before(async function () {
    this.timeout(600_000);
    sandbox = new Sandbox();
    const options = { arch: 'x86_64', fetch: true, deadline: Deadline.after(600_000) };
    const { kernel, busybox } = await guestKernel('deb:bookworm', options);
    copyFileSync(kernel, sandbox.path('bzImage'));
    const initrd = async (name: string, init: string): Promise<void> => {
      const script = `#!/bin/busybox sh\n/bin/busybox --install -s /bin\nmount -t proc proc /proc\nmount -t devtmpfs dev /dev\n${init}\n`;
      const folders = ['bin', 'dev', 'proc'].map((path) => ({ path, kind: 'folder' }) as const);
      const programs = { path: 'bin/busybox', kind: 'file', content: await readFile(busybox), mode: 0o755 } as const;
      const archive = cpioArchive([
        ...folders,
        programs,
        { path: 'dev/console', kind: 'character', major: 5, minor: 1 },
        { path: 'init', kind: 'file', content: Buffer.from(script), mode: 0o755 },
        { path: 'mine', kind: 'file', content: Buffer.from('of the user\n') },
      ]);
      writeFileSync(sandbox.path(name), archive);
    };
    await initrd('initrd', 'exec setsid -c sh </dev/ttyS0 >/dev/ttyS0 2>&1');
    await initrd('silent', 'while :; do sleep 100; done');
    await initrd('flooding', 'exec yes a flood >/dev/ttyS0');
    writeFileSync(sandbox.path('no-kernel'), 'this is no kernel\n'.repeat(1000));
    writeFileSync(sandbox.path('disk'), Buffer.alloc(mebibyte, 'untouched '));
    const migrates = 'expect(await migrate()).to.be.completed;';
    const body = `const { guest, migrate } = journey; if (SAID) expect(await guest.sh(SAID[0])).to.match(SAID[1]); ${migrates} await guest.sh('true');`;
    for (const [name, said] of Object.entries({
      plain: 'undefined',
      mine: "['cat /mine /proc/cmdline', /of the user[^]* colour=blue/]",
      words: "['cat /proc/cmdline', / colour=blue/]",
      disk: "['head -c 9 /dev/vda; echo spoilt > /dev/vda; sync; head -c 6 /dev/vda', /^untouchedspoilt$/]",
    }))
      sandbox.scenario(name, { [name]: body.replaceAll('SAID', said) }, "guest: 'linux', timeoutMs: 40000,");
    sandbox.scenario(
      'short',
      { short: migrates.replace('migrate', 'journey.migrate') },
      "guest: 'linux', timeoutMs: 15000,",
    );
  });
  after(() => sandbox[Symbol.dispose]());
  afterEach(async () => expect(await sandbox.leftovers(2000)).to.deep.equal([]));

  describe('what a user brings', () => {
    const passes = async (file: string, ...words: string[]): Promise<string | undefined> => {
      const { exitCode, stdout, stderr } = await sandbox.run(`${file}.scenario.js`, '--cold', ...words);
      expect(exitCode, `${stdout}${stderr}`).to.equal(0);
      return sandbox.finished()[0]?.result.guest?.system;
    };

    it('kernel', async () => {
      expect(await passes('words', '--kernel', 'bzImage', '--append', 'colour=blue')).to.match(
        /^the kernel \/.*\/bzImage$/,
      );
    });

    it('kernel and initramfs, with its shell on the first serial port', async () => {
      await passes('mine', '--kernel', 'bzImage', '--initrd', 'initrd', '--append', 'colour=blue');
    });

    it('disk, which stays as it is', async () => {
      expect(await passes('disk', '--kernel', 'deb:bookworm', '--disk', 'disk')).to.match(
        /^Linux \d.*\(deb:bookworm\)$/,
      );
      expect(readFileSync(sandbox.path('disk'), 'latin1').slice(0, 9)).to.equal('untouched');
    });
  });

  describe('what ends before it begins', () => {
    for (const [words, wanted] of [
      [['--kernel', 'nothing'], /--kernel nothing: there is no such file/],
      [['--initrd', 'nothing'], /--initrd nothing: there is no such file/],
      [['--disk', '.'], /--disk \. is no file/],
      [['--disk', 'disk', '--kernel', 'deb:no such'], /no such/],
    ] as const)
      it(words.join(' '), async () => {
        const { exitCode, stderr } = await sandbox.run('plain.scenario.js', ...words);
        expect(exitCode, stderr).to.equal(2);
        expect(stderr).to.match(wanted);
      });
  });

  describe('what fails its cell in time', () => {
    const cases: Record<string, { words: string[]; wanted: RegExp }> = {
      'a kernel that is none': {
        words: ['--kernel', 'no-kernel'],
        wanted: /exited with status 1; the end of its log:\n.*kernel/,
      },
      'an initramfs that is none': { words: ['--initrd', 'no-kernel'], wanted: /did not boot: .*[Pp]anic[^]*console/ },
      'a kernel that panics': { words: ['--append', 'rdinit=/nothing'], wanted: /did not boot: .*[Pp]anic[^]*console/ },
      'an init that says nothing': {
        words: ['--kernel', 'bzImage', '--initrd', 'silent'],
        wanted: /did not boot: no shell of the guest answered within 15000 ms/,
      },
      'an init that floods its console': {
        words: ['--kernel', 'bzImage', '--initrd', 'flooding'],
        wanted: /did not boot: no shell of the guest answered within 15000 ms[^]*a flood/,
      },
    };
    for (const [name, { words, wanted }] of Object.entries(cases))
      it(name, async () => {
        const { exitCode, stderr } = await sandbox.run('short.scenario.js', '--cold', ...words);
        expect(exitCode, stderr).to.equal(1);
        const [finished] = sandbox.finished();
        expect(finished?.result).to.include({ verdict: 'failed' });
        expect(finished?.result.reason).to.match(wanted);
        expect(finished?.result.durationMs).to.be.below(25_000);
      });
  });
});
