import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { download } from '../../../harness/build/deb/apt.js';
import { unpack } from '../../../harness/build/deb/unpack.js';
import { findOnPath } from '../../../harness/build/child.js';
import { Deadline } from '../../../harness/core/deadline.js';
import { StateError } from '../../../harness/core/errors.js';
import { type Binutils, gnuPrefix, type PayloadArch } from '../../../harness/guest/payload/assemble.js';
import { PrivateFolder } from '../../../harness/machine/private-folder.js';

/** Debian's binutils for an architecture, whatever the host's processor is; and the architecture that Node calls by another name. */
const packages: Readonly<Record<PayloadArch, { packageName: string; node: string }>> = {
  x86_64: { packageName: 'binutils-x86-64-linux-gnu', node: 'x64' },
  aarch64: { packageName: 'binutils-aarch64-linux-gnu', node: 'arm64' },
  // Node calls little-endian machines so too, whose binutils assemble for both.
  ppc64: { packageName: 'binutils-powerpc64-linux-gnu', node: 'ppc64' },
};

/** GNU binutils for an architecture, for as long as it is not disposed: the host's own, or Debian's unpacked into a folder. */
export class BorrowedBinutils implements Disposable {
  private constructor(
    readonly tools: Binutils,
    private readonly folder?: PrivateFolder,
  ) {}

  /** @param own false where the host's own are not wanted. */
  static async find(arch: PayloadArch, { own = true } = {}): Promise<BorrowedBinutils> {
    const prefix = gnuPrefix(arch);
    const names = process.arch === packages[arch].node ? [prefix, ''] : [prefix];
    for (const name of own ? names : []) {
      const [as, ld, objcopy] = ['as', 'ld', 'objcopy'].map((tool) => findOnPath(`${name}${tool}`));
      if (as === undefined || ld === undefined || objcopy === undefined) continue;
      return new BorrowedBinutils({ as: [as], ld: [ld], objcopy: [objcopy] });
    }
    const folder = PrivateFolder.create();
    try {
      return new BorrowedBinutils(await fetchInto(folder.path, arch), folder);
    } catch (thrown) {
      folder[Symbol.dispose]();
      throw thrown;
    }
  }

  [Symbol.dispose](): void {
    this.folder?.[Symbol.dispose]();
  }
}

async function fetchInto(folder: string, arch: PayloadArch): Promise<Binutils> {
  const { packageName } = packages[arch];
  const deadline = Deadline.after(120_000);
  const root = join(folder, 'root');
  const downloaded = await download({ suite: 'bookworm', packageName }, folder, { deadline });
  await unpack(
    downloaded.map(({ path }) => path),
    root,
    { deadline },
  );
  const files = await readdir(root, { recursive: true });
  const loader = files.find((path) => /^(usr\/)?lib\/[^/]*-linux-gnu\/ld-linux-[^/]*\.so\.\d$/.test(path));
  if (loader === undefined) throw new StateError(`${packageName} came without a dynamic loader`);
  const libraries = files.filter((path) => /^(usr\/)?lib\/[^/]*-linux-gnu$/.test(path)).map((path) => join(root, path));
  const call = (tool: string): string[] => [
    ...[join(root, loader), '--library-path', libraries.join(':')],
    join(root, 'usr', 'bin', `${gnuPrefix(arch)}${tool}`),
  ];
  return { as: call('as'), ld: call('ld'), objcopy: call('objcopy') };
}
