import { ExecuteError } from '../../qmp/errors.js';
import type { Machine } from '../../machine/machine.js';

/** One object of a running QEMU, with those of its properties that are a single value. */
export interface QomObject {
  /** '/machine/peripheral/port0' */
  path: string;
  type: string;
  /** Whether `-global` reaches its type. */
  isDevice: boolean;
  /** Values as a command line has them: on and off, decimal numbers, text. */
  properties: ReadonlyMap<string, string>;
}

/** What every object has, and what is made of where it stands: nothing that a machine type decides. */
const incidental = ['type', 'realized', 'hotplugged', 'hotpluggable', 'parent_bus'];

/** Where the objects are that make up a machine. */
const root = '/machine';

/** Reads the machine and all objects in it, each after the one that has it. Throws what QMP throws when the machine ends. */
export async function readObjects(machine: Machine): Promise<QomObject[]> {
  return readBelow(machine, root);
}

async function readBelow(machine: Machine, path: string): Promise<QomObject[]> {
  const listed = await machine.qmp.execute('qom-list', { path });
  const own = listed.filter(({ type }) => !/^(child|link)</.test(type));
  const read = own.map(async ({ name }): Promise<[string, string][]> => {
    const value = await valueOf(machine, path, name);
    return value === undefined ? [] : [[name, value]];
  });
  const children = listed.flatMap(({ name, type }) => (type.startsWith('child<') ? [name] : []));
  const below: QomObject[] = [];
  const values = new Map((await Promise.all(read)).flat());
  for (const child of children) below.push(...(await readBelow(machine, `${path}/${child}`)));
  const properties = new Map([...values].filter(([name]) => !incidental.includes(name)));
  return [{ path, type: values.get('type') ?? '', isDevice: values.has('realized'), properties }, ...below];
}

/** A property as a command line has it; undefined for one that has parts, or cannot be read. */
async function valueOf(machine: Machine, path: string, property: string): Promise<string | undefined> {
  try {
    return wordFor(await machine.qmp.execute('qom-get', { path, property }));
  } catch (thrown) {
    // Some may be set and never read, some only at a certain time.
    if (thrown instanceof ExecuteError) return undefined;
    throw thrown;
  }
}

function wordFor(value: unknown): string | undefined {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value === 'string') return value;
  if (typeof value !== 'number') return undefined;
  // JSON numbers of JavaScript end at 53 bits; the one beyond them that QEMU uses is "not set", all 64.
  return value === 2 ** 64 ? String(2n ** 64n - 1n) : String(value);
}
