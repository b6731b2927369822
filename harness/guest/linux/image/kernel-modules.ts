import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BuildError } from '../../../core/errors.js';

/** One module of a kernel with its file's content. */
export interface KernelModule {
  /** As lsmod shows it: 'virtio_net'. */
  name: string;
  content: Buffer;
  /** Names of the modules that must be there before it. */
  needs: string[];
}

/**
 * The named modules with all that they need, in an order in which each can be loaded. A name that the kernel has no module of is left out:
 * what it names is built in, or this kernel has none of it. What a module needs is read from the module itself, for Debian's packages bring
 * no modules.dep. Throws BuildError for a file that is no module.
 */
export async function readModules(folder: string, wanted: readonly string[]): Promise<KernelModule[]> {
  const files = await moduleFiles(folder);
  const loaded = new Map<string, KernelModule>();
  const visit = async (name: string): Promise<void> => {
    const path = files.get(name);
    if (path === undefined || loaded.has(name)) return;
    const content = await readFile(path);
    const needs = needsOf(content, path).filter((one) => files.has(one));
    for (const need of needs) await visit(need);
    loaded.set(name, { name, content, needs });
  };
  for (const name of wanted) await visit(moduleName(name));
  return [...loaded.values()];
}

async function moduleFiles(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const modules = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ko'));
  return new Map(modules.map((entry) => [moduleName(basename(entry.name, '.ko')), join(entry.parentPath, entry.name)]));
}

/** Linux takes a dash in a module's name for an underscore. */
function moduleName(name: string): string {
  return name.replaceAll('-', '_');
}

/** The fields `depends` and `softdep` of a module's .modinfo (include/linux/module.h). */
function needsOf(content: Buffer, path: string): string[] {
  const facts = modinfo(content, path);
  const hard = facts.flatMap((fact) => (fact.startsWith('depends=') ? fact.slice('depends='.length).split(',') : []));
  const soft = facts.flatMap((fact) => /^softdep=.*?\bpre: ((?:(?!post:).)*)/.exec(fact)?.[1]?.split(' ') ?? []);
  return [...hard, ...soft].filter((name) => name !== '').map(moduleName);
}

/** The strings of the section .modinfo of a 64-bit little-endian ELF file (elf(5)). */
function modinfo(content: Buffer, path: string): string[] {
  try {
    if (content.readUInt32BE(0) !== 0x7f454c46 || content.readUInt16BE(4) !== 0x0201) throw new RangeError('no ELF');
    const sections = Number(content.readBigUInt64LE(0x28));
    const [size, count, nameIndex] = [0x3a, 0x3c, 0x3e].map((offset) => content.readUInt16LE(offset));
    const section = (index: number): { name: number; bytes: Buffer } => {
      const at = sections + index * (size ?? 0);
      const start = Number(content.readBigUInt64LE(at + 0x18));
      const end = start + Number(content.readBigUInt64LE(at + 0x20));
      return { name: content.readUInt32LE(at), bytes: content.subarray(start, end) };
    };
    const names = section(nameIndex ?? 0).bytes;
    for (let index = 0; index < (count ?? 0); index += 1) {
      const { name, bytes } = section(index);
      if (names.subarray(name, names.indexOf(0, name)).toString() === '.modinfo') return bytes.toString().split('\0');
    }
    return [];
  } catch (thrown) {
    if (thrown instanceof RangeError) throw new BuildError(`${path} is no kernel module`, { cause: thrown });
    throw thrown;
  }
}
