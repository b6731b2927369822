import { existsSync } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, readdir, rename, stat } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { BuildError } from '../../core/errors.js';
import { isExecutable } from '../child.js';
import { walk } from '../file-hashes.js';
import { placesInTree } from '../local.js';

/** Where the kept files lie under the root: an install prefix, so that QEMU finds them even by itself. */
export const kept = { binaries: 'bin', modules: 'lib/qemu', data: 'share/qemu' } as const;

/** What lies among QEMU's firmware and that no QEMU loads: sources, packed images, what a compiler left. */
const unloaded = new Set(
  '.bz2 .dts .dtsi .c .h .s .o .d .a .lds .mak .ninja .build .txt .md .svg .rst .diff .patch .py .sh .in'.split(' '),
);
/** Firmware whose sources lie with it: only what was built from them is of use, and that lies one folder up. */
const sourceFolders = /^(?:s390-ccw|vof|optionrom\/.*\.p)(?:\/|$)/;

/**
 * Moves what a QEMU needs to run out of its work tree: binaries, modules beside them, and firmware of the source and of the build.
 * Throws BuildError when a binary is not where one is looked for.
 */
export async function keep(tree: string, root: string, targets: readonly string[]): Promise<void> {
  const binaries = targets.map((arch) => ({ arch, path: binaryOf(tree, arch) }));
  for (const folder of Object.values(kept)) await mkdir(join(root, folder), { recursive: true, mode: 0o700 });
  const beside = [...new Set(binaries.map(({ path }) => dirname(path)))];
  await keepData(join(tree, 'pc-bios'), join(root, kept.data));
  for (const folder of beside) {
    await keepData(join(folder, 'pc-bios'), join(root, kept.data));
    await keepData(join(folder, '..', 'share', 'qemu'), join(root, kept.data));
    for (const name of (await readdir(folder)).filter((name) => name.endsWith('.so'))) {
      await keepFile(join(folder, name), join(root, kept.modules, name));
    }
  }
  for (const { arch, path } of binaries) {
    const target = join(root, kept.binaries, `qemu-system-${arch}`);
    await keepFile(path, target);
    await chmod(target, 0o700);
  }
}

function binaryOf(tree: string, arch: string): string {
  const places = placesInTree(arch);
  const path = places.map((place) => join(tree, place)).find(isExecutable);
  if (path !== undefined) return path;
  throw new BuildError(
    `the compile left no qemu-system-${arch}: none of ${places.join(', ')} is an executable in its work tree`,
  );
}

async function keepFile(from: string, to: string): Promise<void> {
  // A link leads into the tree, which goes.
  if ((await lstat(from)).isSymbolicLink()) await copyFile(from, to);
  else await rename(from, to);
}

/** Later folders win: what was built stands before what came with the source. */
async function keepData(from: string, to: string): Promise<void> {
  for (const path of await walk(from)) {
    if (sourceFolders.test(path) || unloaded.has(extname(path).toLowerCase())) continue;
    if (/^(?:Makefile|README|Kconfig|meson\.build)$/i.test(path.split('/').at(-1) ?? '')) continue;
    const source = join(from, path);
    // The build folder of QEMU links to the firmware of its source; a link may lead nowhere.
    if (!existsSync(source) || !(await stat(source)).isFile()) continue;
    await mkdir(dirname(join(to, path)), { recursive: true, mode: 0o700 });
    await copyFile(source, join(to, path));
  }
}

/** The folders of kept firmware, as `-L` takes them. */
export function dataFolders(root: string): string[] {
  return [join(root, kept.data), join(root, kept.data, 'optionrom')].filter((folder) => existsSync(folder));
}
