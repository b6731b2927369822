import { parseDeviceLine } from '../../machine/device-line.js';

/** One option of a command line, with its value where it has one. */
export interface CommandOption {
  /** With one dash: '-device'. */
  option: string;
  value?: string;
  /** The same for what stands for the same thing on both sides of a migration, and for nothing else on one side. */
  key: string;
}

/** Options that make what others use: they go when nobody uses them. */
const backends = ['-netdev', '-object', '-drive', '-blockdev', '-chardev', '-audiodev', '-fsdev', '-tpmdev'];

/** Takes the words of a command line apart. A word that begins with a dash is no value. */
export function optionsOf(words: readonly string[]): CommandOption[] {
  const counts = new Map<string, number>();
  const options: CommandOption[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const option = (words[at] ?? '').replace(/^--/, '-');
    const next = words[at + 1];
    const value = next === undefined || next.startsWith('-') ? undefined : next;
    if (value !== undefined) at += 1;
    const id = value === undefined ? undefined : propertiesOf(value).get('id');
    const name = id === undefined ? `${option} ${value ?? ''}` : `${option} id=${id}`;
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    options.push({ option, ...(value !== undefined && { value }), key: `${name} ${count}` });
  }
  return options;
}

/** The words again. */
export function wordsOf(options: readonly CommandOption[]): string[] {
  return options.flatMap(({ option, value }) => (value === undefined ? [option] : [option, value]));
}

/** Whether an option makes something for others, and nothing that a guest sees. */
export function isBackend({ option }: CommandOption): boolean {
  return backends.includes(option);
}

/**
 * What is left without some options: without them goes what needs them (a device on a bus of theirs, a device on a backend), and then what nobody
 * uses any more and somebody did.
 */
export function without(options: readonly CommandOption[], gone: ReadonlySet<string>): CommandOption[] {
  const ids = new Map(options.flatMap((option) => idsOf(option).map((id): [string, string] => [id, option.key])));
  const needs = new Map(options.map((option) => [option.key, needsOf(option, ids)]));
  const used = new Set([...needs.values()].flat());
  let left = options.filter(({ key }) => !gone.has(key));
  for (let before = -1; before !== left.length;) {
    before = left.length;
    const keys = new Set(left.map(({ key }) => key));
    left = left.filter(({ key }) => needs.get(key)?.every((needed) => keys.has(needed)) ?? true);
    const wanted = new Set(left.flatMap(({ key }) => needs.get(key) ?? []));
    left = left.filter((option) => !isBackend(option) || wanted.has(option.key) || !used.has(option.key));
  }
  return left;
}

/** Backends that somebody uses: nobody asks whether they can go alone. */
export function usedBackends(options: readonly CommandOption[]): Set<string> {
  const ids = new Map(options.flatMap((option) => idsOf(option).map((id): [string, string] => [id, option.key])));
  const used = new Set(options.flatMap((option) => needsOf(option, ids)));
  return new Set(options.filter((option) => isBackend(option) && used.has(option.key)).map(({ key }) => key));
}

function idsOf({ value }: CommandOption): string[] {
  const properties = propertiesOf(value ?? '');
  return ['id', 'node-name'].flatMap((name) => properties.get(name) ?? []);
}

/** Keys of the options whose id this one names: as a bus, with or without a number (`scsi0.0`), or as any other property. */
function needsOf({ key, value }: CommandOption, ids: ReadonlyMap<string, string>): string[] {
  const named = [...propertiesOf(value ?? '')].flatMap(([property, text]) => {
    if (property === 'id' || property === 'node-name') return [];
    // A number is somebody's id only where nothing but an id can stand.
    if (/^\d+$/.test(text) && !/^(bus|netdev|drive|memdev|chardev|iothread)$/.test(property)) return [];
    return property === 'bus' ? [text, text.replace(/\.\d+$/, '')] : [text];
  });
  const needed = named.flatMap((id) => ids.get(id) ?? []).filter((other) => other !== key);
  return [...new Set(needed)];
}

/** The properties of a value, in any of QEMU's syntaxes; none where it has none. */
function propertiesOf(value: string): ReadonlyMap<string, string> {
  if (!value.includes('=') && !value.startsWith('{')) return new Map();
  try {
    // `if=none,…` has no driver at its beginning, and a driver of its own further on: neither says what is needed here.
    return parseDeviceLine(value.startsWith('{') ? value.replace(/^\{/, '{"driver":"any",') : `any,${value}`)
      .properties;
  } catch {
    return new Map();
  }
}
