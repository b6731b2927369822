import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../core/errors.js';
import type { LocatedBuild } from './build.js';
import { findOnPath, isExecutable } from './child.js';

/** What a user may write for a build, for error messages. */
export const acceptedNames =
  'deb:SUITE as in deb:bookworm, git:DIR@REV for a commit of a QEMU checkout, a path to a QEMU binary, a path to a build tree (with a slash), or the name of a binary on PATH';

/** A binary or build tree at a path, or a binary by its name on PATH. Throws UsageError naming what is accepted. */
export function locateLocal(name: string, arch: string): LocatedBuild {
  if (!name.includes('/')) {
    const found = findOnPath(name);
    if (found !== undefined) return startedDirectly(name, found, arch);
    const hint = existsSync(name) ? `; write ./${name} for the one in this folder` : '';
    throw new UsageError(`there is no build "${name}": accepted are ${acceptedNames}${hint}`);
  }
  const path = resolve(name);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new UsageError(`there is no file or folder "${name}": accepted are ${acceptedNames}`);
  if (!stats.isDirectory()) {
    if (isExecutable(path)) return startedDirectly(name, path, arch);
    throw new UsageError(`"${name}" is not an executable file: accepted are ${acceptedNames}`);
  }
  const places = placesInTree(arch);
  const binary = places.map((place) => join(path, place)).find(isExecutable);
  if (binary !== undefined) return startedDirectly(name, binary, arch);
  const others = emulatorsIn(path);
  if (others.length > 0) throw new UsageError(`"${name}" has no qemu-system-${arch}; it has: ${others.join(', ')}`);
  throw new UsageError(`"${name}" is no QEMU build tree: none of ${places.join(', ')} is an executable in it`);
}

/** Where a build tree, a source tree with its usual build folder, and an install prefix keep the binary, relative to them. */
export function placesInTree(arch: string): string[] {
  const binary = `qemu-system-${arch}`;
  return [binary, `build/${binary}`, `bin/${binary}`, `usr/bin/${binary}`];
}

/** Names of the emulators that a build tree has, each once. */
function emulatorsIn(tree: string): string[] {
  const folders = placesInTree('').map((place) => dirname(join(tree, place)));
  const names = folders.flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []));
  return [...new Set(names.filter((name) => /^qemu-system-[a-z0-9_]+$/.test(name)))].sort();
}

function startedDirectly(name: string, binary: string, arch: string): LocatedBuild {
  return { name, binary, command: [binary, ...sourceData(binary, arch)], env: {} };
}

/**
 * A QEMU in its build folder finds its firmware through `qemu-bundle` (since 7.1) or `pc-bios` (before) beside the binary; one that was
 * moved or half built gets that of the source tree above it.
 */
function sourceData(binary: string, arch: string): string[] {
  const folder = dirname(realpathSync(binary));
  if (['qemu-bundle', 'pc-bios', '../share/qemu'].some((place) => existsSync(join(folder, place)))) return [];
  const source = join(folder, '..', 'pc-bios');
  const isSource = existsSync(join(source, 'README')) && existsSync(join(folder, '..', 'target', targetOf(arch)));
  return isSource ? ['-L', source] : [];
}

function targetOf(arch: string): string {
  return { x86_64: 'i386', aarch64: 'arm', ppc64: 'ppc' }[arch] ?? arch;
}
