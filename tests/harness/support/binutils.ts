import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { download } from '../../../harness/build/deb/apt.js';
import { unpack } from '../../../harness/build/deb/unpack.js';
import { findOnPath } from '../../../harness/build/child.js';
import { Deadline } from '../../../harness/core/deadline.js';
import { StateError } from '../../../harness/core/errors.js';
import type { Binutils } from '../../../harness/guest/payload/assemble.js';
import { PrivateFolder } from '../../../harness/machine/private-folder.js';

/** Debian's binutils for x86-64, whatever the host's processor is, and what its programs are called. */
const packageName = 'binutils-x86-64-linux-gnu';
const prefix = 'x86_64-linux-gnu-';

/** GNU as and ld for x86-64, for as long as it is not disposed: the host's own, or Debian's unpacked into a folder. */
export class BorrowedBinutils implements Disposable {
  private constructor(
    readonly tools: Binutils,
    private readonly folder?: PrivateFolder,
  ) {}

  /** @param own false where the host's own are not wanted. */
  static async find({ own = true } = {}): Promise<BorrowedBinutils> {
    const names = process.arch === 'x64' ? [prefix, ''] : [prefix];
    for (const name of own ? names : []) {
      const [as, ld] = ['as', 'ld'].map((tool) => findOnPath(`${name}${tool}`));
      if (as !== undefined && ld !== undefined) return new BorrowedBinutils({ as: [as], ld: [ld] });
    }
    const folder = PrivateFolder.create();
    try {
      return new BorrowedBinutils(await fetchInto(folder.path), folder);
    } catch (thrown) {
      folder[Symbol.dispose]();
      throw thrown;
    }
  }

  [Symbol.dispose](): void {
    this.folder?.[Symbol.dispose]();
  }
}

async function fetchInto(folder: string): Promise<Binutils> {
  const deadline = Deadline.after(120_000);
  const root = join(folder, 'root');
  const packages = await download({ suite: 'bookworm', packageName }, folder, { deadline });
  await unpack(
    packages.map(({ path }) => path),
    root,
    { deadline },
  );
  const files = await readdir(root, { recursive: true });
  const loader = files.find((path) => /^(usr\/)?lib\/[^/]*-linux-gnu\/ld-linux-[^/]*\.so\.\d$/.test(path));
  if (loader === undefined) throw new StateError(`${packageName} came without a dynamic loader`);
  const libraries = files.filter((path) => /^(usr\/)?lib\/[^/]*-linux-gnu$/.test(path)).map((path) => join(root, path));
  const call = (tool: string): string[] => [
    ...[join(root, loader), '--library-path', libraries.join(':')],
    join(root, 'usr', 'bin', `${prefix}${tool}`),
  ];
  return { as: call('as'), ld: call('ld') };
}
