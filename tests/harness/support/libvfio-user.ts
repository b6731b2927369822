import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { runChild, tied } from '../../../harness/build/child.js';
import { readLists } from '../../../harness/build/deb/apt.js';
import { downloadAlone } from '../../../harness/build/deb/kernel-packages.js';
import { unpack } from '../../../harness/build/deb/unpack.js';
import { walk } from '../../../harness/build/file-hashes.js';
import { Deadline } from '../../../harness/core/deadline.js';
import { packageRoot } from '../../../harness/core/package-root.js';
import { within } from '../../../harness/core/within.js';
import { type Edit, edit, fetchSource } from './debian-source.js';

const fetchMs = 10 * 60_000;
const compileMs = 120_000;
const startMs = 30_000;
const device = join(packageRoot, 'tests', 'harness', 'vfio', 'libvfio-user-device.c');
/** Another way to talk to clients, which the library has only where it is configured so. */
const leftOut = 'tran_pipe.c';

/** libvfio-user as a suite's QEMU carries it, and the JSON library that it needs. */
export interface LibvfioUser {
  /** The top of its source. */
  source: string;
  /** Words of the compiler. */
  json: readonly string[];
}

/**
 * Fetches the source into a folder: 40 MB of trixie's QEMU, of which libvfio-user is a part, and bookworm's json-c, linked as an archive: that asks
 * for no newer C library than hosts have.
 */
export async function fetchLibvfioUser(folder: string): Promise<LibvfioUser> {
  const { upstream } = await fetchSource('trixie', { apt: join(folder, 'apt-source'), folder: join(folder, 'qemu') });
  const source = join(folder, 'libvfio-user');
  mkdirSync(source);
  const inside = ['--wildcards', '--strip-components=3', '*/subprojects/libvfio-user'];
  await must(['tar', '-xf', upstream, '-C', source, ...inside], fetchMs);

  const options = { deadline: Deadline.after(fetchMs) };
  const lists = await readLists({ suite: 'bookworm' }, join(folder, 'apt-json'), options);
  const packages = await downloadAlone(lists, ['libjson-c-dev'], options);
  const root = join(folder, 'json');
  await unpack(
    packages.map(({ path }) => path),
    root,
    options,
  );
  const archive = (await walk(root)).find((path) => path.endsWith('/libjson-c.a'));
  if (archive === undefined) throw new Error('libjson-c-dev brought no libjson-c.a');
  return { source, json: [`-I${join(root, 'usr', 'include', 'json-c')}`, join(root, archive)] };
}

/** Compiles our device with the library, in which edits are made before; resolves with the program. */
export async function compileDevice(
  { source, json }: LibvfioUser,
  program: string,
  edits: readonly Edit[] = [],
): Promise<string> {
  const copy = `${program}.source`;
  mkdirSync(join(copy, 'lib'), { recursive: true });
  const names = readdirSync(join(source, 'lib')).filter((name) => /\.[ch]$/.test(name) && name !== leftOut);
  for (const name of names) copyFileSync(join(source, 'lib', name), join(copy, 'lib', name));
  for (const one of edits) edit(copy, one);
  const files = names.filter((name) => name.endsWith('.c')).map((name) => join(copy, 'lib', name));
  const flags = ['-std=gnu99', '-D_GNU_SOURCE', '-w', `-I${join(source, 'include')}`, `-I${join(copy, 'lib')}`];
  await must(['cc', ...flags, '-o', program, device, ...files, ...json], compileMs);
  return program;
}

/** The device on a socket; disposing it ends it. */
export class LibvfioUserServer implements AsyncDisposable {
  private constructor(private readonly child: ReturnType<typeof spawn>) {}

  /** Resolves when it listens. Throws when it ends instead, with what it said. */
  static async start(program: string, socket: string): Promise<LibvfioUserServer> {
    const child = spawn(program, socket);
    const server = new LibvfioUserServer(child);
    const listening = new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      void child.then(({ stderr }) => reject(new Error(`${program} ended: ${stderr}`)));
    });
    if (await within(listening, startMs)) return server;
    await server[Symbol.asyncDispose]();
    throw new Error(`${program} does not listen after ${startMs} ms`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.child;
  }
}

function spawn(program: string, socket: string) {
  const [file, ...words] = tied([program, socket]);
  return execa(file, words, { reject: false, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' });
}

async function must(command: readonly [string, ...string[]], ms: number): Promise<void> {
  const { exitCode, stderr, summary } = await runChild(command, { deadline: Deadline.after(ms) });
  if (exitCode !== 0) throw new Error(`${command[0]}: ${stderr || summary}`);
}
